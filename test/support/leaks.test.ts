// That the check for leaked secrets finds them: a secret planted in each place where it looks is
// told, and what is told where it belongs is not.

import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { CallError, profileFrom, statusFrom } from "./contract-client.ts";
import { findLeaks, keepOutput, learnSecret, learnSettings, takeLeaks } from "./leaks.ts";
import { queryOnce, startPostgres } from "./postgres.ts";
import { restFetch } from "./rest-client.ts";
import { makeDataDir } from "./tapin.ts";

/** Made up, and of no shape that would give it away. */
const CODE = "planted-code-of-nobody-0123456789";
const API_KEY = `tapin_live_${"k".repeat(32)}`;

beforeEach(() => {
  expect(takeLeaks()).toEqual([]);
  learnSecret("a code", CODE);
});

const told = (where: string) => [expect.stringMatching(`^${where} shows a code after `)];

describe("findLeaks", () => {
  test.each([
    ["an API key", `key=${API_KEY};`],
    ["a watch token", `tapin_watch_${"w".repeat(32)}`],
    ["an admin token", `tapin_admin_${"a".repeat(32)}`],
    ["a bot token", `https://api.example/bot7770777001:${"b".repeat(35)}/getMe`],
  ])("knows %s by its looks, and does not repeat it", (_, text) => {
    const [leak = "", ...more] = findLeaks([{ where: "a log", text }], []);
    expect(leak).toMatch(/^a log shows a (?:credential|bot token) after /);
    expect(leak).not.toMatch(/(.)\1{9}/);
    expect(more).toEqual([]);
  });

  test("finds nothing in what was redacted", () => {
    const text = '{"url":"https://x.example/?code=[redacted]","key":"tapin_live_[redacted]"}';
    expect(findLeaks([{ where: "a log", text }], [{ kind: "a code", value: CODE }])).toEqual([]);
  });
});

describe("takeLeaks", () => {
  test("T18 tells of a secret in the output of a service, also one that is learnt after it was printed", () => {
    const lines: string[] = [];
    keepOutput(lines);
    lines.push(`{"level":"info","msg":"see https://shop.example/?c=${CODE}"}`);
    lines.push('{"level":"info","msg":"the bot token is 1:planted"}');
    learnSettings({ TAPIN_MAX_TOKEN: "the bot token is 1:planted" });
    const expected = ["a code", "TAPIN_MAX_TOKEN"].map((kind) =>
      expect.stringMatching(`^the output of a service shows ${kind} after `),
    );
    expect(takeLeaks()).toEqual(expected);
  });

  test("lets the banner show the demo project's key, and no other line", () => {
    keepOutput([
      `  API key       ${API_KEY}     (project "demo")`,
      `      -H 'Authorization: Bearer ${API_KEY}' -d '{}'`,
      `  Admin token   tapin_admin_${"a".repeat(32)}`,
    ]);
    expect(takeLeaks()).toEqual([]);
    keepOutput([`{"msg":"API key       ${API_KEY}"}`]);
    expect(takeLeaks()).toHaveLength(1);
  });

  test("tells of a secret in a REST answer, but not in the field whose job it is", async () => {
    const server = createServer((_, res) => {
      res.setHeader("content-type", "application/json");
      res.setHeader("x-request-id", "r-1");
      res.setHeader("cache-control", "no-store");
      res.end(JSON.stringify({ status: "completed", code: CODE }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await restFetch(`${url}/v1/auth/session/abc/status`);
    expect(takeLeaks()).toEqual([]);
    await restFetch(`${url}/elsewhere`);
    expect(takeLeaks()).toEqual(told("an answer of GET /elsewhere"));
    server.close();
  });

  test("tells of a secret in an answer and in a refusal of any dialect", () => {
    statusFrom({ status: "SESSION_STATUS_COMPLETED", code: CODE });
    expect(takeLeaks()).toEqual([]);
    profileFrom({ firstName: "Ann", state: CODE });
    expect(takeLeaks()).toEqual(told("an answer of VerifyCode"));
    const parts = { reason: "", code: 400, violations: [], requestId: "" };
    new CallError("no", { ...parts, headers: new Headers({ location: `/?code=${CODE}` }) });
    expect(takeLeaks()).toEqual(told("a refusal"));
  });

  test("tells of a secret in a row of a database that is dropped", async () => {
    const server = await startPostgres();
    const url = await server.createDatabase();
    await queryOnce(url, "create table notes (id integer, what jsonb)");
    await queryOnce(url, "insert into notes values (1, $1)", [JSON.stringify({ sent: [CODE] })]);
    await server.stop();
    expect(takeLeaks()).toEqual(told("table public.notes of a database"));
  });

  test("tells of a secret in a file of an embedded database that is removed", async () => {
    const { path, remove } = await makeDataDir();
    const directory = fileURLToPath(new URL(`../../${path}/db/base`, import.meta.url));
    await mkdir(directory, { recursive: true });
    await writeFile(`${directory}/16384`, Buffer.from(`\0\xff${CODE}\0`, "latin1"));
    await remove();
    expect(takeLeaks()).toEqual(told("16384 of an embedded database"));
  });
});
