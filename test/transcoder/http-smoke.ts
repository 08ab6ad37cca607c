// A program, not a test: the transcoder behind a real HTTP server of the runtime that runs it, called
// over a real socket. Prints "ok" when a call, an error, and a stream broken off by its reader all
// behave. The runtime test starts it.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import { create } from "@bufbuild/protobuf";
import type { RestRequest, RestResponse } from "../../src/transcoder/rest-message.ts";
import { whenThere } from "../../src/transcoder/soon.ts";
import { Genre, WatchBookResponseSchema } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

const released = Promise.withResolvers<void>();

async function* watch(signal: AbortSignal) {
  signal.addEventListener("abort", () => released.resolve());
  for (let sequence = 1; ; sequence++) {
    yield create(WatchBookResponseSchema, { sequence, genre: Genre.POETRY });
    if (sequence === 2) await once(signal, "abort");
  }
}

const gone = new AbortController();
const { transcoder } = openLibrary({ WatchBook: () => watch(gone.signal) }, { heartbeatMs: 50 });

function toRest(incoming: IncomingMessage, signal: AbortSignal): RestRequest {
  const [path = "", query = ""] = (incoming.url ?? "").split("?", 2);
  return {
    method: incoming.method ?? "",
    path,
    query,
    headers: { get: (name) => [incoming.headers[name] ?? null].flat().join(", ") || null },
    body: () => buffer(incoming),
    signal,
  };
}

async function write(answer: RestResponse | null, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(answer?.status ?? 404, answer?.headers.flat() ?? []);
  if (typeof answer?.body === "string") outgoing.write(answer.body);
  else if (answer?.body) for await (const chunk of answer.body) outgoing.write(chunk);
  outgoing.end();
}

const server = createServer((incoming, outgoing) => {
  outgoing.on("close", () => {
    if (incoming.url?.endsWith("/watch") === true) gone.abort();
  });
  const answer = transcoder.handle(toRest(incoming, gone.signal), "context");
  void whenThere(answer, (found) => write(found, outgoing));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const post = { method: "POST", headers: { "content-type": "application/json" } };
const echo = await fetch(`${origin}/v1/echo`, { ...post, body: '{"text":"caf\u00e9"}' });
const echoed = (await echo.json()) as { text: string };
const refused = await fetch(`${origin}/v1/echo?foo=1`);
const missing = await fetch(`${origin}/v1/nothing`);
await Promise.all([refused.text(), missing.text()]);

const leave = new AbortController();
const stream = await fetch(`${origin}/v1/books/7/watch`, { signal: leave.signal });
const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
let seen = "";
while (!seen.includes(": heartbeat")) seen += (await reader?.read())?.value ?? "";
leave.abort();
await released.promise;

const facts = [echo.status, echoed.text, refused.status, missing.status, stream.status];
const isRight = facts.join() === "200,caf\u00e9,400,404,200" && seen.includes('"sequence":2');
process.stdout.write(isRight ? "ok\n" : `${facts.join()}\n${seen}\n`);
server.closeAllConnections();
server.close();
