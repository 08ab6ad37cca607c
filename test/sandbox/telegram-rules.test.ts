// The rules of the pretend Telegram that need no socket: URLs of buttons, commands in texts, deep
// links, the queue of updates and its bounds, what is remembered of people.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { appendMessage, MESSAGES_LIMIT, PEOPLE_LIMIT, People } from "../../src/sandbox/people.ts";
import { checkButtonUrl } from "../../src/sandbox/telegram/button-url.ts";
import { parseDeepLink } from "../../src/sandbox/telegram/deep-link.ts";
import { commandEntities } from "../../src/sandbox/telegram/message-text.ts";
import { newPerson } from "../../src/sandbox/telegram/person.ts";
import { QUEUE_LIMIT, UpdateQueue } from "../../src/sandbox/telegram/update-queue.ts";

describe("checkButtonUrl", () => {
  test.each([
    ["https://example.org", "https://example.org/"],
    ["https://Example.ORG/Path?a=1#f", "https://example.org/Path?a=1#f"],
    ["example.org", "http://example.org/"],
    ["example.org?code=1", "http://example.org/?code=1"],
    ["http://127.0.0.1:3000/callback?code=a b", "http://127.0.0.1:3000/callback?code=a%20b"],
    ["http://127.0.0.1:0080", "http://127.0.0.1:80/"],
    ["http://[::1]:3000/x", "http://[::1]:3000/x"],
    ["https://user:pass@example.org/", "https://user:pass@example.org/"],
    ["https://пример.рф/путь", "https://пример.рф/путь"],
    ["tg://resolve?domain=Bot&start=x", "tg://resolve?domain=Bot&start=x"],
    ["tg:user?id=1", "tg://user?id=1"],
  ])("takes %s", (given, kept) => {
    expect(checkButtonUrl(given)).toEqual({ ok: true, url: kept });
  });

  test.each([
    ["http://localhost:3000", "Wrong HTTP URL"],
    ["localhost", "Wrong HTTP URL"],
    ["ftp://example.org", "Unsupported URL protocol"],
    ["javascript:alert(1)", "Wrong port number specified in the URL"],
    ["https://", "URL host is empty"],
    ["https://user@/", "URL host is empty"],
    ["https://./", "Host is invalid"],
    ["https://example.org:0/", "Wrong port number specified in the URL"],
    ["https://example.org:65536/", "Wrong port number specified in the URL"],
    ["https://exa mple.org/", "Disallowed character in URL host"],
    ["https://ex%zz.org/", "Wrong percent-encoded symbol in URL host"],
    ["https://u<s@example.org/", "Disallowed character in URL userinfo"],
    ["http://[::zz]/", "Wrong IPv6 address specified in the URL"],
    ["tg://example.org/", "Unallowed characters in URL host"],
    ["tg://resolve:80/", "Wrong tg URL"],
  ])("refuses %s as TDLib does", (given, problem) => {
    const told = `URL '${given}' is invalid: ${problem}`;
    expect(checkButtonUrl(given)).toEqual({ ok: false, problem: told });
  });

  test("what it takes stays the same when it is checked again, and no text makes it throw", () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.string({ unit: "grapheme" })), (text) => {
        const first = checkButtonUrl(text);
        if (first.ok) expect(checkButtonUrl(first.url)).toEqual(first);
      }),
    );
  });
});

describe("commandEntities", () => {
  test.each([
    ["/start auths_x", [[0, 6]]],
    ["/start@TapinDemoBot x", [[0, 19]]],
    ["😀 /help", [[3, 5]]],
    [
      "see /a and /b",
      [
        [4, 2],
        [11, 2],
      ],
    ],
    ["no/command //x </y>", []],
    ["plain", []],
  ])("marks the commands of %j", (text, places) => {
    const found = commandEntities(text).map(({ type, offset, length }) => [type, offset, length]);
    expect(found).toEqual(places.map((place) => ["bot_command", ...place]));
  });
});

describe("parseDeepLink", () => {
  const pages = "http://127.0.0.1:8080/sandbox/telegram/";

  test.each([
    ["https://t.me/TapinDemoBot?start=auth_x-1", "auth_x-1"],
    ["https://telegram.me/TapinDemoBot?start=a", "a"],
    ["tg://resolve?domain=TapinDemoBot&start=auths_y", "auths_y"],
    [`${pages}TapinDemoBot?start=auths_z`, "auths_z"],
    ["https://t.me/TapinDemoBot", ""],
    ["https://t.me/TapinDemoBot?start=", ""],
    ["https://t.me/TapinDemoBot?start=a%20b", ""],
    ["https://t.me/TapinDemoBot?start=é", ""],
    [`https://t.me/TapinDemoBot?start=${"a".repeat(64)}`, "a".repeat(64)],
    [`https://t.me/TapinDemoBot?start=${"a".repeat(65)}`, ""],
  ])("reads %s", (link, payload) => {
    expect(parseDeepLink(link, pages)).toEqual({ bot: "TapinDemoBot", payload });
  });

  test.each([
    ["https://example.org/TapinDemoBot?start=a"],
    ["http://127.0.0.1:8081/sandbox/telegram/TapinDemoBot?start=a"],
    ["http://127.0.0.1:8080/sandbox/max/TapinDemoBot?start=a"],
    ["https://t.me/"],
    ["https://t.me/a/b"],
    ["tg://settings"],
  ])("finds no bot in %s", (link) => {
    expect(parseDeepLink(link, pages)).toBeNull();
  });

  test("takes no text for a link that is none", () => {
    expect(parseDeepLink("TapinDemoBot", pages)).toBeUndefined();
  });
});

describe("UpdateQueue", () => {
  const never = new AbortController().signal;
  const poll = { offset: 0, limit: 100, timeoutSeconds: 0, signal: never };

  function queueAt(clock: { now: number }) {
    const confirmed: number[] = [];
    const events = { fetched: () => {}, confirmed: (id: number) => confirmed.push(id) };
    return { queue: new UpdateQueue(events, () => clock.now), confirmed };
  }

  function pushed(queue: UpdateQueue, kind: "message" | "callback_query"): number {
    const id = queue.push(kind, {});
    if (id === undefined) throw new Error("the queue did not take the update");
    return id;
  }

  test("a callback query waits 150 s, a message 24 h", async () => {
    const clock = { now: 1000 };
    const { queue } = queueAt(clock);
    const message = pushed(queue, "message");
    pushed(queue, "callback_query");
    clock.now += 149;
    expect(queue.size).toBe(2);
    clock.now += 1;
    expect((await queue.poll(poll)).map((update) => update.update_id)).toEqual([message]);
    clock.now += 24 * 3600;
    expect(queue.size).toBe(0);
  });

  test("ids rise by one, and an offset confirms all below it", async () => {
    const { queue, confirmed } = queueAt({ now: 0 });
    const first = pushed(queue, "message");
    expect([pushed(queue, "message"), pushed(queue, "message")]).toEqual([first + 1, first + 2]);
    const rest = await queue.poll({ ...poll, offset: first + 1 });
    expect(rest.map((update) => update.update_id)).toEqual([first + 1, first + 2]);
    expect(confirmed).toEqual([first + 1]);
    expect(queue.size).toBe(2);
  });

  test("a negative offset keeps only the newest, a far future one starts at the oldest", async () => {
    const { queue } = queueAt({ now: 0 });
    const first = pushed(queue, "message");
    pushed(queue, "message");
    pushed(queue, "message");
    expect(await queue.poll({ ...poll, offset: first + 500 })).toHaveLength(3);
    const newest = await queue.poll({ ...poll, offset: -1 });
    expect(newest.map((update) => update.update_id)).toEqual([first + 2]);
    expect(queue.size).toBe(1);
  });

  test("keeps only the kinds the bot asked for, and all again for an empty list", () => {
    const { queue } = queueAt({ now: 0 });
    queue.allow(["callback_query"]);
    expect(queue.push("message", {})).toBeUndefined();
    expect(queue.push("callback_query", {})).toBeTypeOf("number");
    queue.allow([]);
    expect(queue.push("message", {})).toBeTypeOf("number");
  });

  test("is bounded when nobody polls", () => {
    const { queue } = queueAt({ now: 0 });
    for (let count = 0; count < QUEUE_LIMIT + 5; count += 1) queue.push("message", {});
    expect(queue.size).toBe(QUEUE_LIMIT);
  });

  test("a poller that leaves makes room for the next one", async () => {
    const { queue } = queueAt({ now: 0 });
    const leaving = new AbortController();
    const left = queue.poll({ ...poll, timeoutSeconds: 50, signal: leaving.signal });
    leaving.abort();
    expect(await left).toEqual([]);
    const next = queue.poll({ ...poll, timeoutSeconds: 50 });
    const id = pushed(queue, "message");
    expect((await next).map((update) => update.update_id)).toEqual([id]);
  });
});

describe("People", () => {
  test("drops the person seen longest ago, and the oldest messages of a chat", () => {
    const people = new People(newPerson);
    for (let id = 1; id <= PEOPLE_LIMIT; id += 1) people.meet({ id: String(id), firstName: "A" });
    const first = people.find(1);
    people.meet({ id: String(PEOPLE_LIMIT + 1), firstName: "B" });
    expect(people.size).toBe(PEOPLE_LIMIT);
    expect(people.find(2)).toBeUndefined();
    expect(people.find(1)).toBe(first);
    if (first === undefined) throw new Error("person 1 is gone");
    for (let id = 1; id <= MESSAGES_LIMIT + 3; id += 1) {
      const message = { id, from: "user", text: "x", date: 0, keyboard: [] } as const;
      appendMessage(first, { ...message, protectContent: false });
    }
    expect(first.messages).toHaveLength(MESSAGES_LIMIT);
    expect(first.messages[0]?.id).toBe(4);
  });
});
