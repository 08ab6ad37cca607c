// How the bot of the pretend MAX polls for its updates: marker, limit, kinds, and the long poll.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MaxServer, startMaxServer, startPoller, type WireUpdate } from "./max-server.ts";

let server: MaxServer;
let lastId = 5000;

beforeAll(async () => {
  server = await startMaxServer();
});

beforeEach(async () => {
  server.sandbox.max.rules.pollWithoutMarker = "sinceCommit";
  await startPoller(server);
});

afterAll(() => server.close());

function newPerson() {
  return { id: String(++lastId), firstName: "Анна" };
}

describe("GET /updates", () => {
  // Three texts of one person, pushed while nobody polls.
  async function threeTexts(): Promise<string[]> {
    const { max } = server.sandbox;
    const anna = newPerson();
    void max.start(anna, "a");
    await startPoller(server);
    const texts = ["1", "2", "3"];
    for (const text of texts) void max.sendText(anna.id, text).catch(() => undefined);
    return texts;
  }

  async function poll(query: string): Promise<{ texts: string[]; marker: number; size: number }> {
    const { body } = await server.max("GET", `/updates?timeout=0&${query}`);
    const updates = body.updates as WireUpdate[];
    const texts = updates.map(({ message }) => message?.body.text ?? "");
    return { texts, marker: body.marker as number, size: updates.length };
  }

  test("without a marker everything since the last commit comes, again and again; a marker commits", async () => {
    const texts = await threeTexts();
    const first = await poll("");
    expect(first.texts).toEqual(texts);
    expect((await poll("")).texts).toEqual(texts);
    // The place of each update follows from the marker: event i of n is at marker - n + i.
    const second = await poll(`marker=${first.marker - 2}`);
    expect(second.texts).toEqual(["2", "3"]);
    expect((await poll(`marker=${first.marker - 3}`)).texts).toEqual(["2", "3"]);
    expect(await poll(`marker=${first.marker}`)).toEqual({
      texts: [],
      marker: first.marker,
      size: 0,
    });
    expect((await poll("")).texts).toEqual([]);
  });

  test("without a marker only the newest comes when the rule says latest", async () => {
    await threeTexts();
    server.sandbox.max.rules.pollWithoutMarker = "latest";
    expect((await poll("")).texts).toEqual(["3"]);
  });

  test("a marker from the future is as good as the next one", async () => {
    const { marker } = await poll("");
    expect((await poll(`marker=${marker + 1_000_000}`)).marker).toBe(marker);
  });

  test("limit bounds what comes, and its marker goes on after it", async () => {
    await threeTexts();
    const one = await poll("limit=1");
    expect(one.texts).toEqual(["1"]);
    expect((await poll(`marker=${one.marker}`)).texts).toEqual(["2", "3"]);
  });

  test("types picks the kinds", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    void max.start(anna, "a");
    void max.sendText(anna.id, "1");
    void max.setBlocked(anna.id, true);
    const some = await server.max("GET", "/updates?timeout=0&types=message_created,bot_stopped");
    const kinds = (some.body.updates as WireUpdate[]).map(({ update_type: kind }) => kind);
    expect(kinds).toEqual(["message_created", "bot_stopped"]);
  });

  test("waits for the first update, and ends empty when its time is over", async () => {
    const { marker } = await poll("");
    const waiting = server.max("GET", `/updates?timeout=90&marker=${marker}`);
    const empty = await server.max("GET", `/updates?timeout=1&marker=${marker}`);
    expect(empty.body).toEqual({ updates: [], marker });
    void server.sandbox.max.start(newPerson(), "a");
    const { body } = await waiting;
    expect(body).toMatchObject({ updates: [{ update_type: "bot_started" }], marker: marker + 1 });
  });

  test("a poller that leaves takes nothing with it", async () => {
    const { marker } = await poll("");
    const leaving = new AbortController();
    const { token } = server.sandbox.max;
    const left = fetch(`${server.sandbox.maxApiRoot()}/updates?timeout=90&marker=${marker}`, {
      headers: { authorization: token },
      signal: leaving.signal,
    });
    await server.max("GET", "/me");
    leaving.abort();
    await expect(left).rejects.toThrow();
    void server.sandbox.max.start(newPerson(), "a");
    expect((await poll(`marker=${marker}`)).size).toBe(1);
  });

  test.each(["limit=0", "limit=1001", "timeout=91", "timeout=-1", "marker=x", "limit=1.5"])(
    "refuses %s",
    async (query) => {
      expect((await server.max("GET", `/updates?${query}`)).status).toBe(400);
    },
  );

  test("ends with 503 when the sandbox closes", async () => {
    const other = await startMaxServer();
    const waiting = other.max("GET", "/updates?timeout=90");
    await other.max("GET", "/me");
    other.sandbox.close();
    expect((await waiting).status).toBe(503);
    expect((await other.max("GET", "/updates")).status).toBe(503);
    await other.close();
  });
});
