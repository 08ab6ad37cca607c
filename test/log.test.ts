// The log: whatever was written, no secret leaves with it (T4, T18), and a line stays a line of
// JSON.

import { setImmediate as endOfTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createLog, createRedactor, Lines } from "../src/log.ts";

const KEY = `tapin_live_${"aB3".repeat(10)}xy`;
const WATCH = `tapin_watch_${"Zz9".repeat(10)}xy`;
const ADMIN = `tapin_admin_${"Qq1".repeat(10)}xy`;
const CODE = "q-_w".repeat(10).concat("abc");
const BOT = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
const SERVER_SECRET = 'a server "secret" \\ with, odd characters';

function captured(level = "trace") {
  const lines: string[] = [];
  const log = createLog({ level, secrets: [SERVER_SECRET], write: (line) => lines.push(line) });
  return { log, text: () => lines.join(""), lines };
}

describe("createRedactor", () => {
  it.each([
    ["an API key", `key ${KEY}.`, "key tapin_live_[redacted]."],
    ["a watch token", `token ${WATCH}`, "token tapin_watch_[redacted]"],
    ["an admin token", `Admin token ${ADMIN}.`, "Admin token tapin_admin_[redacted]."],
    [
      "an admin token of the operator's own making",
      "with tapin_admin_for-tests_only",
      "with tapin_admin_[redacted]",
    ],
    [
      "the password of a database URL",
      "cannot open postgres://tapin:hu:s/h@db:5432/tapin now",
      "cannot open postgres://tapin:[redacted]@db:5432/tapin now",
    ],
    [
      "a password that holds an @, in JSON",
      '{"url":"postgresql://tapin:hu@sh@db/tapin","x":"a@b"}',
      '{"url":"postgresql://tapin:[redacted]@db/tapin","x":"a@b"}',
    ],
    [
      "bearer credentials",
      "authorization: Bearer abc.DEF-1~+/=",
      "authorization: Bearer [redacted]",
    ],
    ["bearer credentials in any case", "bearer  sesame", "bearer  [redacted]"],
    ["a bot token in a Bot API URL", `GET /bot${BOT}/getMe`, "GET /bot[redacted]/getMe"],
    ["a bot token in a file URL", `/file/bot${BOT}/photo.jpg`, "/file/bot[redacted]/photo.jpg"],
    [
      "a code in a callback URL",
      `https://a.example/?code=${CODE}&state=s`,
      "https://a.example/?code=[redacted]&state=s",
    ],
    ["a code behind another parameter", `/?x=1&code=${CODE}`, "/?x=1&code=[redacted]"],
    ["a code in JSON", `{"code":"${CODE}"}`, '{"code":"[redacted]"}'],
    [
      "a code in JSON in JSON",
      `{"body":"{\\"code\\":\\"${CODE}\\"}"}`,
      '{"body":"{\\"code\\":\\"[redacted]\\"}"}',
    ],
  ])("takes out %s", (_, line, redacted) => {
    expect(createRedactor([])(line)).toBe(redacted);
  });

  it("takes out every one of several", () => {
    const line = createRedactor([])(`${KEY} ${KEY} ${WATCH} ${KEY}`);
    expect(line).toBe(
      "tapin_live_[redacted] tapin_live_[redacted] tapin_watch_[redacted] tapin_live_[redacted]",
    );
  });

  it("takes out the secrets it is told, and leaves an empty one alone", () => {
    const redact = createRedactor(["hush", "", "(what.is+this"]);
    expect(redact("a hush b")).toBe("a [redacted] b");
    expect(redact("a (what.is+this b")).toBe("a [redacted] b");
    expect(redact("a (whatXis+this b HUSH")).toBe("a (whatXis+this b HUSH");
  });

  it("leaves database URLs without a password readable", () => {
    const line = "postgres://tapin@db:5432/tapin postgres://db/tapin";
    expect(createRedactor([])(line)).toBe(line);
  });

  it("leaves reasons and other short codes readable", () => {
    const line = '{"reason":"CODE_INVALID","code":"ECONNREFUSED","grpc":{"code":14}}';
    expect(createRedactor([])(line)).toBe(line);
  });
});

describe("createLog", () => {
  it("writes one line of JSON for each event, with level and time", () => {
    const { log, lines } = captured();
    log.info({ event: "ready", url: "http://127.0.0.1:1" }, "Tapin is ready");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    const line = JSON.parse(lines[0] ?? "");
    expect(line).toMatchObject({ level: "info", event: "ready", msg: "Tapin is ready" });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it("redacts messages, fields, nested fields and lists", () => {
    const { log, text, lines } = captured();
    log.warn({ headers: { authorization: `Bearer ${KEY}` }, list: [WATCH] }, `with ${KEY}`);
    log.info({ reply: { code: CODE }, url: `https://a.example/?code=${CODE}` });
    for (const secret of [KEY, WATCH, CODE]) expect(text()).not.toContain(secret);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });

  it("redacts errors, their stacks and their causes", () => {
    const { log, text, lines } = captured();
    const inner = new Error(`fetch of https://api.telegram.org/bot${BOT}/getMe failed`);
    const outer = new Error(`no answer for ${KEY}`, { cause: inner });
    log.error({ err: outer }, "call failed");
    log.error(new AggregateError([inner, outer], "several"));
    for (const secret of [KEY, BOT]) expect(text()).not.toContain(secret);
    expect(text()).toContain("getMe failed");
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });

  it("redacts in child logs too", () => {
    const { log, text } = captured();
    log.child({ token: WATCH, channel: "telegram" }).info(`for ${KEY}`);
    expect(text()).toContain('"channel":"telegram"');
    for (const secret of [KEY, WATCH]) expect(text()).not.toContain(secret);
  });

  it("redacts a secret whose characters JSON escapes", () => {
    const { log, text, lines } = captured();
    log.info({ secret: SERVER_SECRET }, `with ${SERVER_SECRET}`);
    expect(text()).not.toContain("odd characters");
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });

  it("says nothing below its level, and nothing at all when silent", () => {
    const quiet = captured("warn");
    quiet.log.info("not this");
    quiet.log.warn("but this");
    expect(quiet.lines).toHaveLength(1);
    const silent = captured("silent");
    silent.log.fatal("nothing");
    expect(silent.lines).toHaveLength(0);
  });
});

describe("Lines", () => {
  /** What is written to, and what each write was, until its writer is told that it is taken. */
  function outlet() {
    const written: string[] = [];
    const taken: (() => void)[] = [];
    const lines = new Lines({
      write(text, done) {
        written.push(text);
        taken.push(done);
      },
    });
    return { lines, written, take: () => taken.shift()?.() };
  }

  it("writes the lines of one turn together, in order", async () => {
    const { lines, written, take } = outlet();
    lines.write("a\n");
    lines.write("b\n");
    await Promise.resolve().then(() => lines.write("c\n"));
    expect(written).toEqual([]);
    await endOfTurn();
    expect(written).toEqual(["a\nb\nc\n"]);
    take();
    lines.write("d\n");
    await endOfTurn();
    expect(written).toEqual(["a\nb\nc\n", "d\n"]);
  });

  it("writes no more than 4096 bytes at once, and no piece before the last one is taken", async () => {
    const { lines, written, take } = outlet();
    const line = `${"ж".repeat(1000)}\n`;
    for (let count = 0; count < 5; count += 1) lines.write(line);
    await endOfTurn();
    expect(written).toEqual([line.repeat(2)]);
    lines.write("late\n");
    await endOfTurn();
    expect(written).toHaveLength(1);
    take();
    take();
    expect(written).toEqual([line.repeat(2), line.repeat(2), `${line}late\n`]);
  });

  it("hands over at once what a process that ends has left", () => {
    const { lines, written } = outlet();
    lines.write("a\n");
    lines.write("b\n");
    lines.flush();
    expect(written).toEqual(["a\nb\n"]);
    lines.flush();
    expect(written).toHaveLength(1);
  });
});
