// The process of crowd.ts: thousands of streams, gRPC by a hundred on each connection or
// server-sent events on a connection each. Says when all are open, and when each has been told its
// code.

import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import process from "node:process";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  SessionStatus,
  WatchSessionRequestSchema,
  WatchSessionResponseSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";
import type { CrowdNews, CrowdOrder } from "./crowd.ts";
import { grpcCall } from "./grpc-call.ts";
import { sessionIdOf } from "./sessions.ts";

const order = JSON.parse(process.argv[2] ?? "") as CrowdOrder;

// Nobody is there to be told any more.
process.once("disconnect", () => process.exit(1));

/** Streams on one connection: what Tapin lets a connection have. */
const STREAMS = 100;

/** Watchers that are being let in at a time. */
const AT_ONCE = 50;

const tell = (news: CrowdNews) => process.send?.(news);
const fail = (why: string) => tell({ event: "failed", why });

let open = 0;
let ended = 0;
const lost: string[] = [];
const codes: string[] = [];
let entering = 0;
const waiting: (() => void)[] = [];

/** Resolves once fewer than AT_ONCE watchers are on their way in. */
async function turn(): Promise<void> {
  if (entering >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  entering += 1;
}

/** A watcher for its session: hears every message, and its end. */
function watcher(n: number) {
  const state = { isOpen: false, code: "" };
  return {
    hear(message: { readonly completed: boolean; readonly code: string }) {
      if (message.completed) state.code = message.code;
      if (state.isOpen) return;
      state.isOpen = true;
      entering -= 1;
      waiting.shift()?.();
      open += 1;
      if (open === order.count) tell({ event: "open" });
    },
    end(how: string) {
      if (!state.isOpen) fail(`the stream of session ${n} ended before its first message (${how})`);
      if (state.code === "") lost.push(how);
      codes[n - 1] = state.code;
      ended += 1;
      if (ended === order.count) tell({ event: "ended", codes, lost });
    },
  };
}

async function watchByGrpc(): Promise<void> {
  const target = { path: "/tapin.auth.v1.AuthService/WatchSession", apiKey: order.apiKey };
  for (let first = 1; first <= order.count; first += STREAMS) {
    const session = http2.connect(order.url);
    session.on("error", (error) => fail(String(error)));
    await once(session, "connect");
    for (let n = first; n < first + STREAMS && n <= order.count; n += 1) {
      await turn();
      const { hear, end } = watcher(n);
      const request = create(WatchSessionRequestSchema, { sessionId: sessionIdOf(order.mark, n) });
      const message = toBinary(WatchSessionRequestSchema, request);
      const onMessage = (answer: Buffer) => {
        const { status, code = "" } = fromBinary(WatchSessionResponseSchema, answer);
        hear({ completed: status === SessionStatus.COMPLETED, code });
      };
      grpcCall(session, target, { message, onMessage }).then(
        (status) => end(`status ${status}`),
        (error) => end(String(error)),
      );
    }
  }
}

async function watchBySse(): Promise<void> {
  const { port } = new URL(order.url);
  for (let n = 1; n <= order.count; n += 1) {
    await turn();
    const { hear, end } = watcher(n);
    const socket = net.connect({ port: Number(port), host: "127.0.0.1" });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (const event of takeEvents()) {
        const [, code = ""] = /"code":"([^"]+)"/.exec(event) ?? [];
        if (event.includes("event: end")) socket.destroy();
        else if (event.includes("event: status"))
          hear({ completed: event.includes('"completed"'), code });
      }
    });
    const takeEvents = () => {
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      return parts;
    };
    socket.on("error", (error) => fail(String(error)));
    socket.once("close", () => end("the connection was closed"));
    socket.write(
      `GET /v1/auth/session/${sessionIdOf(order.mark, n)}/watch HTTP/1.1\r\nhost: bench\r\n` +
        `accept: text/event-stream\r\nauthorization: Bearer ${order.apiKey}\r\n\r\n`,
    );
  }
}

await (order.transport === "grpc" ? watchByGrpc() : watchBySse());
