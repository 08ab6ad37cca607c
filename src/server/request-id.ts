// The request id: what identifies a call in the answer's `x-request-id` and in the log. How it is
// read from a request and told is the front's business.

// Never the shape of a code, nor a key or token: it is logged.
const REQUEST_ID = /^(?!.*(?<![\w-])[\w-]{43}(?![\w-])|.*tapin_)[A-Za-z0-9._-]{1,64}$/i;

/** The id that the caller gave, when it may be one: at most 64 characters; else one of our own. */
export function requestIdOf(given: string): string {
  return REQUEST_ID.test(given) ? given : newRequestId();
}

function newRequestId(): string {
  const id = crypto.randomUUID();
  // Reading it makes one text of the pieces it is strung together from, which a stream would hold
  // for as long as it stands.
  id.charCodeAt(0);
  return id;
}
