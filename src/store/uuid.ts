// What a UUID looks like. PostgreSQL answers a malformed one with an error, where this room wants
// "no such row".

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether PostgreSQL would read the text as a UUID in its usual form (RFC 9562 section 4). */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
