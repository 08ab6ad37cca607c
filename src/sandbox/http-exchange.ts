// One HTTP request and its answer, as little of them as the pretend messenger needs, so that the
// same code serves HTTP/1.1 and HTTP/2, on Node and on Deno. What is asked and answered is not
// decided here.

/** The part of an incoming request (node:http or node:http2) that is read. */
export interface Incoming extends AsyncIterable<Uint8Array> {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** The part of an outgoing response (node:http or node:http2) that is written. */
export interface Outgoing {
  statusCode: number;
  readonly writableEnded: boolean;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string | number): unknown;
  end(body?: string | Uint8Array): unknown;
  once(event: "close", listener: () => void): unknown;
  /** Ends the connection (HTTP/1.1) or the stream (HTTP/2) without an answer. */
  destroy(): unknown;
}

/** An answer, ready to be written. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Largest request body that is read, in bytes. A longer one is refused with 413. */
export const BODY_LIMIT = 256 * 1024;

const DISCARD_LIMIT = 8 * BODY_LIMIT;

/** A request body: its text, or its size when that is over {@link BODY_LIMIT}. */
export type Body =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "tooLarge"; readonly size: number };

/**
 * Reads the body as UTF-8. What is over the limit is read and thrown away, up to eight times the
 * limit, because Deno resets a connection whose request was answered half read; after that the
 * connection is given up.
 */
export async function readBody(req: Incoming): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.byteLength;
    if (size <= BODY_LIMIT) chunks.push(chunk);
    if (size > DISCARD_LIMIT) break;
  }
  if (size > BODY_LIMIT) return { kind: "tooLarge", size };
  // One decoding of the whole: a character may be split over two chunks.
  return { kind: "read", text: Buffer.concat(chunks).toString("utf8") };
}

/** A JSON answer. `nosniff` keeps a browser from taking it for anything else. */
export function jsonAnswer(status: number, content: unknown): Answer {
  return jsonTextAnswer(status, JSON.stringify(content));
}

/** A JSON answer whose text is written already. */
export function jsonTextAnswer(status: number, text: string): Answer {
  return {
    status,
    headers: { "content-type": "application/json", "x-content-type-options": "nosniff" },
    body: text,
  };
}

/** Writes an answer; to HEAD without the body. Does nothing when the response has ended already. */
export function sendAnswer(req: Incoming, res: Outgoing, answer: Answer): void {
  if (res.writableEnded) return;
  res.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
  res.setHeader("content-length", Buffer.byteLength(answer.body));
  if (req.method === "HEAD") res.end();
  else res.end(answer.body);
}

/** A signal that is aborted when the other side leaves before it has its answer. */
export function leaveSignal(res: Outgoing): AbortSignal {
  const controller = new AbortController();
  res.once("close", () => {
    if (!res.writableEnded) controller.abort();
  });
  return controller.signal;
}
