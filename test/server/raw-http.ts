// HTTP/1.1 by hand over node:net, for what no client library would send; and node:http and
// node:http2 for the rest. Nothing here knows what Tapin answers.

import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { connect, type Socket } from "node:net";
import { keepHttpAnswer } from "../support/leaks.ts";

/** An answer, whichever way it came. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; several values joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The JSON of an answer. */
export function jsonOf(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}

/** One TCP connection, on which anything may be sent. */
export interface RawConnection {
  send(bytes: string | Uint8Array): void;
  /** Says that nothing more will be sent; answers may still come. */
  endSending(): void;
  /** The next answer (interim ones skipped); null when the connection ended before it was whole. */
  answer(method?: string): Promise<Answer | null>;
  /**
   * Everything that came and was not taken, once it matches; whatever came when the connection
   * ends.
   */
  text(wanted: RegExp): Promise<string>;
  /**
   * The type of the first HTTP/2 frame (RFC 9113 section 4.1), once it came; null when nothing did.
   */
  frameType(): Promise<number | null>;
  /** Resolves once the other side has closed or reset the connection. */
  readonly closed: Promise<void>;
  destroy(): void;
}

/** Opens a connection to a base URL. */
export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const inbox = collect(socket);
  await once(socket, "connect");
  return {
    send: (bytes) => void (socket.writable && socket.write(bytes)),
    endSending: () => socket.end(),
    async answer(method = "GET") {
      for (;;) {
        const taken = takeAnswer(inbox.bytes(), method, inbox.ended());
        if (taken !== null) {
          inbox.drop(taken.length);
          if (taken.answer.status >= 200) return taken.answer;
        } else if (inbox.ended()) return null;
        else await inbox.more();
      }
    },
    async text(wanted) {
      while (!wanted.test(inbox.bytes().toString()) && !inbox.ended()) await inbox.more();
      return inbox.bytes().toString();
    },
    async frameType() {
      while (inbox.bytes().length < 9 && !inbox.ended()) await inbox.more();
      return inbox.bytes()[3] ?? null;
    },
    closed: inbox.end,
    destroy: () => socket.destroy(),
  };
}

/** Sends bytes on a connection of their own and answers the first answer. */
export async function askRaw(
  url: string,
  bytes: string | Uint8Array,
  method?: string,
): Promise<Answer | null> {
  const connection = await openRaw(url);
  try {
    connection.send(bytes);
    return await connection.answer(method);
  } finally {
    connection.destroy();
  }
}

/**
 * The text of a request over HTTP/1.1 with this API key: its first line without the version, and
 * its other header lines.
 */
export function requestText(apiKey: string, line: string, lines: string, body = ""): string {
  return `${line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${apiKey}\r\n${lines}\r\n${body}`;
}

function collect(socket: Socket) {
  let bytes: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake = () => {};
  const end = new Promise<void>((resolve) => {
    const finish = () => {
      ended = true;
      wake();
      resolve();
    };
    socket.on("end", finish).on("error", finish).on("close", finish);
  });
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  return {
    bytes: () => bytes,
    ended: () => ended,
    drop: (length: number) => {
      bytes = bytes.subarray(length);
    },
    more: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
    end,
  };
}

interface Taken {
  readonly answer: Answer;
  /** Bytes it took. */
  readonly length: number;
}

function takeAnswer(bytes: Buffer, method: string, ended: boolean): Taken | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const status = Number(statusLine.split(" ")[1]);
  const start = headEnd + 4;
  const noBody = method === "HEAD" || status < 200 || status === 204 || status === 304;
  const body = noBody ? { text: "", length: 0 } : takeBody(bytes.subarray(start), headers, ended);
  if (body === null) return null;
  return { answer: { status, headers, text: body.text }, length: start + body.length };
}

function takeBody(bytes: Buffer, headers: Record<string, string>, ended: boolean) {
  if (headers["transfer-encoding"] === "chunked") return takeChunks(bytes);
  const length = headers["content-length"];
  if (length === undefined) {
    return ended ? { text: bytes.toString(), length: bytes.length } : null;
  }
  if (bytes.length < Number(length)) return null;
  return { text: bytes.toString("utf8", 0, Number(length)), length: Number(length) };
}

function takeChunks(bytes: Buffer) {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: next };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

/** What to send by `ask` and `askHttp2`. */
export interface Question {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON with its content type. */
  readonly body?: string | Uint8Array | object;
}

function prepare({ method, headers = {}, body }: Question) {
  const isJson = body !== undefined && typeof body === "object" && !(body instanceof Uint8Array);
  return {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: isJson ? { "content-type": "application/json", ...headers } : { ...headers },
    bytes: isJson ? JSON.stringify(body) : (body as string | Uint8Array | undefined),
  };
}

/** One HTTP/1.1 request with node:http, on a connection of its own. */
export function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method, headers, bytes } = prepare(question);
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const fields = Object.entries(response.headers).map(
          ([name, value]) => [name, String(value)] as const,
        );
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        keepHttpAnswer({
          call: `${method} ${new URL(url).pathname}`,
          status,
          headers: fields,
          text,
        });
        resolve({ status, headers: Object.fromEntries(fields), text });
      });
    });
    request.on("error", reject);
    request.end(bytes);
  });
}

const sockets = new WeakMap<http2.ClientHttp2Session, Socket>();

/** Opens a cleartext HTTP/2 session by prior knowledge. */
export async function openHttp2(url: string): Promise<http2.ClientHttp2Session> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const session = http2.connect(url, { createConnection: () => socket });
  sockets.set(session, socket);
  // What becomes of the session shows in its requests.
  session.on("error", () => undefined);
  await once(session, "connect");
  return session;
}

/**
 * Ends a session by cutting its TCP connection, without the GOAWAY that `destroy` and `close` send:
 * on Deno 2.9.6 a GOAWAY after an odd `:authority` can crash the server's process inside nghttp2,
 * where no code of ours runs (https://github.com/denoland/deno/issues/36788).
 */
export function dropHttp2(session: http2.ClientHttp2Session): void {
  sockets.get(session)?.destroy();
}

/**
 * One request on an HTTP/2 session; trailers are among the answer's headers. Pseudo-headers may be
 * overwritten by `headers`.
 */
export function askHttp2(
  session: http2.ClientHttp2Session,
  path: string,
  question: Question = {},
): Promise<Answer> {
  const { method, headers, bytes } = prepare(question);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    const chunks: Buffer[] = [];
    let head: http2.IncomingHttpHeaders = {};
    stream.on("response", (given) => {
      head = given;
    });
    stream.on("trailers", (given) => {
      head = { ...head, ...given };
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () => {
      if (head[":status"] === undefined) reject(new Error("the stream ended without an answer"));
      const fields = Object.entries(head).map(([name, value]) => [name, String(value)]);
      const text = Buffer.concat(chunks).toString();
      resolve({ status: Number(head[":status"]), headers: Object.fromEntries(fields), text });
    });
    stream.end(bytes);
  });
}
