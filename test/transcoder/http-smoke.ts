// A program, not a test: the transcoder behind a real HTTP server of the runtime that runs it,
// called over a real socket. Prints "ok" when a call, an error, and a stream broken off by its
// reader all behave. The runtime test starts it.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import { create } from "@bufbuild/protobuf";
import type { RestRequest, RestResponse } from "../../src/transcoder/rest-message.ts";
import { whenThere } from "../../src/transcoder/soon.ts";
import type { MessageSource } from "../../src/transcoder/stream-body.ts";
import { Genre, WatchBookResponseSchema } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

const released = Promise.withResolvers<void>();

const watch: MessageSource = (outflow) => {
  const tell = (sequence: number) =>
    outflow.message(create(WatchBookResponseSchema, { sequence, genre: Genre.POETRY }), false);
  queueMicrotask(() => {
    for (const sequence of [1, 2, 2]) tell(sequence);
  });
  return { stop: () => released.resolve() };
};

const streams = {
  "library.v1.LibraryService/WatchBook": {
    event: "status",
    idField: "sequence",
    resumeField: "after_sequence",
  },
};
const { transcoder } = openLibrary({ WatchBook: () => watch }, { streams });

function toRest(incoming: IncomingMessage): RestRequest {
  const [path = "", query = ""] = (incoming.url ?? "").split("?", 2);
  return {
    method: incoming.method ?? "",
    path,
    query,
    headers: { get: (name) => [incoming.headers[name] ?? null].flat().join(", ") || null },
    body: () => buffer(incoming),
  };
}

function write(answer: RestResponse | null, outgoing: ServerResponse): void {
  outgoing.writeHead(answer?.status ?? 404, answer?.headers.flat() ?? []);
  const body = answer?.body ?? null;
  if (body === null || typeof body === "string") {
    outgoing.end(body ?? undefined);
    return;
  }
  outgoing.on("close", () => body.stop());
  body.start({ write: (bytes) => outgoing.write(bytes), end: () => outgoing.end() });
}

const server = createServer((incoming, outgoing) => {
  void whenThere(transcoder.handle(toRest(incoming), "context"), (answer) =>
    write(answer, outgoing),
  );
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
