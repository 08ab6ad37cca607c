// Trust in one more certificate authority, on both runtimes: only with the file, and verification
// is never off.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CaFileError, fetchTrusting } from "../../src/channels/runtime-fetch.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const CA_FILE = file("../support/tls/ca.pem");

const COMMANDS = {
  node: [process.execPath],
  deno: [file("../../node_modules/.bin/deno"), "run", "--no-prompt", "-N", "-R", "-E"],
} as const;

let server: https.Server;
let url: string;

beforeAll(async () => {
  const tls = {
    key: readFileSync(file("../support/tls/server-key.pem")),
    cert: readFileSync(file("../support/tls/server.pem")),
  };
  server = https.createServer(tls, (_, res) => {
    res.end('{"user_id":31,"first_name":"Demo","username":"id1_bot","is_bot":true}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

async function call(runtime: keyof typeof COMMANDS, ...args: string[]): Promise<string> {
  const [command, ...options] = COMMANDS[runtime];
  const run = promisify(execFile);
  const { stdout } = await run(command, [...options, file("./ca-caller.ts"), ...args]);
  return stdout.trim();
}

describe("fetchTrusting", () => {
  it.each(["node", "deno"] as const)("%s trusts the CA of the file", async (runtime) => {
    expect(await call(runtime, url, CA_FILE)).toBe("username id1_bot");
  });

  it.each(["node", "deno"] as const)("%s trusts no such CA without the file", async (runtime) => {
    expect(await call(runtime, url)).toMatch(/^error GET \/me: no answer/);
  });

  it.each(["node", "deno"] as const)("%s says what is wrong with the file", async (runtime) => {
    expect(await call(runtime, url, file("../support/tls/missing.pem"))).toContain(
      "cannot be read",
    );
    expect(await call(runtime, url, file("./ca-caller.ts"))).toContain("holds no certificate");
  });

  it("is the runtime's own fetch without a file", async () => {
    expect(await fetchTrusting(null)).toBe(fetch);
    await expect(fetchTrusting("/nowhere.pem")).rejects.toThrow(CaFileError);
  });
});
