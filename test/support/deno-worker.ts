// The process that deno-pool.ts starts: Vitest's own worker on Deno, which talks to the run by the
// process's channel.

import process from "node:process";
import { init, runBaseTests, setupEnvironment } from "vitest/worker";
import { decodeMessage, encodeMessage } from "./deno-channel.ts";

// Test files may replace what they find on `process`.
const send = process.send?.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const exit = process.exit.bind(process);

if (send === undefined) throw new Error("Only a run of Vitest can start this.");
on("disconnect", () => exit(1));
init({
  post: (message) => send(message),
  on: (listen) => on("message", listen),
  off: (listen) => off("message", listen),
  serialize: encodeMessage,
  deserialize: decodeMessage,
  runTests: (state, traces) => runBaseTests("run", state, traces),
  collectTests: (state, traces) => runBaseTests("collect", state, traces),
  setup: setupEnvironment,
});
