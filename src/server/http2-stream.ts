// A stream of HTTP/2 as a request and a response: no more than the front and the lane ask of them.
// Node's own pair costs about as much as everything else that is done for a small call.

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

const NOTHING = new Uint8Array();

/** The head of a request, and its stream. */
export class StreamRequest {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly httpVersion = "2.0";

  constructor(
    stream: ServerHttp2Stream,
    { headers, rawHeaders }: Pick<StreamRequest, "headers" | "rawHeaders">,
  ) {
    this.stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
  }

  get method(): string | undefined {
    return this.headers[":method"];
  }

  get url(): string | undefined {
    return this.headers[":path"];
  }

  get authority(): string | undefined {
    return this.headers[":authority"];
  }

  get socket(): { readonly remoteAddress?: string | undefined } | undefined {
    const { session } = this.stream;
    // The socket of a session that has gone throws whatever is asked of it.
    return session === undefined || session.destroyed ? undefined : session.socket;
  }
}

/** The response to it. Once its stream has closed, nothing that is done to it has any effect. */
export class StreamResponse {
  readonly stream: ServerHttp2Stream;
  /** Names and values in turn: Node need not make a copy of them. */
  #headers = [":status", "200"];
  #trailers: OutgoingHttpHeaders | null = null;

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
  }

  set statusCode(status: number) {
    this.#headers[1] = String(status);
  }

  get headersSent(): boolean {
    return this.stream.headersSent;
  }

  setHeader(name: string, value: string): void {
    const headers = this.#headers;
    const at = placeOf(headers, name);
    if (at < headers.length) headers[at + 1] = value;
    else headers.push(name, value);
  }

  removeHeader(name: string): void {
    this.#headers.splice(placeOf(this.#headers, name), 2);
  }

  /** Before `end`: what follows the body (RFC 9113 section 8.1). */
  setTrailers(trailers: OutgoingHttpHeaders): void {
    this.#trailers = trailers;
  }

  /** Sends the head unless it is sent, then the bytes, and ends the stream. */
  end(bytes: Uint8Array = NOTHING): void {
    const { stream } = this;
    // Node would wait for ever for room to write no bytes in.
    const isEmpty = bytes.byteLength === 0;
    const trailers = this.#trailers;
    if (!this.#begin(isEmpty && trailers === null, trailers !== null)) return;
    if (trailers !== null) {
      stream.on("wantTrailers", () => {
        if (!stream.destroyed && !stream.closed) stream.sendTrailers(trailers);
      });
    }
    if (isEmpty) stream.end();
    else stream.end(bytes);
  }

  /** Sends the head unless it is sent, then the bytes. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#begin(false, false)) this.stream.write(bytes, done);
  }

  /** Sends the head now; `hasTrailers` = `setTrailers` will say something before `end`. */
  open(hasTrailers: boolean): void {
    this.#begin(false, hasTrailers);
  }

  once(event: "close", listener: () => void): void {
    this.stream.once(event, listener);
  }

  on(event: "close", listener: () => void): void {
    this.stream.on(event, listener);
  }

  off(event: "close", listener: () => void): void {
    this.stream.off(event, listener);
  }

  destroy(): void {
    this.stream.destroy();
  }

  #begin(endStream: boolean, waitForTrailers: boolean): boolean {
    const { stream } = this;
    if (stream.destroyed || stream.closed) return false;
    if (stream.headersSent) return true;
    stream.respond(this.#headers, { endStream, waitForTrailers });
    // Node keeps them for as long as the stream stands.
    this.#headers = [];
    return true;
  }
}

/** Where the header of this name stands; the end when it is not there. A value is no name. */
function placeOf(headers: readonly string[], name: string): number {
  let at = 0;
  while (at < headers.length && headers[at] !== name) at += 2;
  return at;
}
