// Requests over HTTP/2 and over HTTP/1.1 as they are, and everything that comes back.

import { once } from "node:events";
import type http2 from "node:http2";
import { connect } from "node:net";
import { dropHttp2, openHttp2 } from "./raw-http.ts";

/** Header fields. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** A request as it goes over the wire. */
export interface Sent {
  readonly verb: string;
  readonly path: string;
  readonly headers: Fields;
  readonly body: Uint8Array;
}

/** What came back, in the order in which it came; the date is masked. */
export interface Came {
  readonly head: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** Says what came over HTTP/2, on a connection of its own when the last one is gone. */
export function openSpeaker2(url: string) {
  let session: http2.ClientHttp2Session | null = null;
  return {
    async ask({ verb, path, headers, body }: Sent): Promise<Came> {
      if (session === null || session.destroyed || session.closed) session = await openHttp2(url);
      const stream = session.request([":method", verb, ":path", path, ...headers.flat()]);
      const came = { head: [] as string[], trailers: [] as string[] };
      const chunks: Buffer[] = [];
      const keep = (name: "head" | "trailers") => (_: object, __: number, raw: string[]) => {
        came[name] = pairs(raw);
      };
      stream.on("response", keep("head"));
      stream.on("trailers", keep("trailers"));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error: NodeJS.ErrnoException) => came.trailers.push(error.message));
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.end(body);
      await closed;
      return { ...came, body: Buffer.concat(chunks).toString("latin1") };
    },
    close: () => session !== null && dropHttp2(session),
  };
}

const pairs = (raw: readonly string[]) =>
  raw.flatMap((name, at) => {
    if (at % 2 === 1 || typeof name !== "string") return [];
    return [name === "date" ? "date: <date>" : `${name}: ${raw[at + 1]}`];
  });

/** Says what came over HTTP/1.1, on a connection of its own. */
export async function ask1(url: string, { verb, path, headers, body }: Sent): Promise<Came> {
  const { hostname, port } = new URL(url);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const host = headers.some(([name]) => name === "host") ? "" : "host: tapin.example\r\n";
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  const length = `content-length: ${body.length}\r\nconnection: close\r\n`;
  socket.write(Buffer.from(`${verb} ${path} HTTP/1.1\r\n${host}${lines}${length}\r\n`, "latin1"));
  socket.write(body);
  await once(socket, "close");
  const text = Buffer.concat(chunks).toString("latin1");
  const end = text.lastIndexOf("\r\n\r\n", text.search(/\r\n\r\n(?!HTTP)/));
  const head = text
    .slice(0, end)
    .replace(/date: .*/i, "date: <date>")
    .split("\r\n");
  const rest = text.slice(end + 4);
  return {
    head,
    body: head.some((line) => /^transfer-encoding: chunked/i.test(line)) ? unchunk(rest) : rest,
    trailers: [],
  };
}

/** How a body is cut into chunks says nothing. */
function unchunk(text: string): string {
  const size = Number.parseInt(text, 16);
  const start = text.indexOf("\r\n") + 2;
  if (!(size > 0)) return text.slice(start);
  return text.slice(start, start + size) + unchunk(text.slice(start + size + 2));
}
