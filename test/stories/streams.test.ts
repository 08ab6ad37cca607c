// WatchSession on the wire: events and their ids, heartbeats, resuming without doubling, JSON
// lines, refusals.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import type { ContractClient, CreatedSession } from "../support/contract-client.ts";
import { firstOf } from "../support/contract-client.ts";
import { readEvents, readLines } from "../support/event-stream.ts";
import { codeOf } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  stage = await startStage();
  website = (await stage.project()).client();
});
afterAll(() => stage.stop());

function watch(session: CreatedSession, headers: Record<string, string> = {}, query = "") {
  const url = `${stage.url}/v1/auth/session/${session.sessionId}/watch${query}`;
  return restFetch(url, { bearer: session.watchToken, headers });
}

/** Opens the link and taps Login; the code. */
const complete = async ({ telegramLink }: CreatedSession) =>
  codeOf(await stage.person().logIn(telegramLink));

async function nextEvent(events: ReturnType<typeof readEvents>) {
  for (;;) {
    const { value, done } = await events.next();
    if (done) return null;
    if (value.kind === "event") return value;
  }
}

describe("as server-sent events", () => {
  it("is byte for byte what the contract says", async () => {
    const session = await website.createSession();
    const code = await complete(session);
    const answer = await watch(session, { accept: "text/event-stream" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    expect(await answer.text()).toBe(
      "retry: 2000\n\n" +
        "id: 3\nevent: status\n" +
        `data: {"status":"completed","code":"${code}","opened":true,"sequence":3}\n\n` +
        "event: end\ndata: {}\n\n",
    );
  });

  it.each([{}, { accept: "*/*" }, { accept: "text/*" }])("is what %j gets", async (headers) => {
    const session = await website.createSession();
    await website.cancelSession(session.sessionId);
    const answer = await watch(session, headers);
    expect(await answer.text()).toContain(
      'data: {"status":"cancelled","opened":false,"sequence":2}',
    );
  });

  it("sends the present status at once, then one event for each change with a rising id", async () => {
    const session = await website.createSession();
    const person = stage.person();
    const events = readEvents((await watch(session)).body);
    expect(await nextEvent(events)).toEqual({
      kind: "event",
      id: "1",
      event: "status",
      data: '{"status":"pending","opened":false,"sequence":1}',
    });
    await person.open(session.telegramLink);
    expect(await nextEvent(events)).toMatchObject({
      id: "2",
      data: '{"status":"pending","opened":true,"sequence":2}',
    });
    await person.tap("Cancel");
    expect(await nextEvent(events)).toMatchObject({
      id: "3",
      data: '{"status":"cancelled","opened":true,"sequence":3}',
    });
    expect(await nextEvent(events)).toMatchObject({ event: "end" });
    expect(await nextEvent(events)).toBeNull();
  });

  it.each(["header", "query"])("resumed by the %s does not repeat what was seen", async (how) => {
    const session = await website.createSession();
    const person = stage.person();
    const resume = (sequence: number) =>
      how === "header"
        ? watch(session, { "last-event-id": String(sequence) })
        : watch(session, {}, `?after_sequence=${sequence}`);
    await person.open(session.telegramLink);
    const missed = readEvents((await resume(1)).body);
    expect(await nextEvent(missed)).toMatchObject({ id: "2" });
    await missed.return(undefined);
    // The stream stands at once, though there is nothing to tell.
    const events = readEvents((await resume(2)).body);
    await person.tap("Login");
    expect(await nextEvent(events)).toMatchObject({ id: "3" });
    expect(await nextEvent(events)).toMatchObject({ event: "end" });
  });

  it.each(["x", "-1", "1.5", "99999999999"])(
    "starts anew after a Last-Event-ID of %s, which it never sent",
    async (id) => {
      const answer = await watch(await website.createSession(), { "last-event-id": id });
      const events = readEvents(answer.body);
      expect(await nextEvent(events)).toMatchObject({ id: "1" });
      await events.return(undefined);
    },
  );

  it("resumed after its end tells the end again, with the code for its recipient", async () => {
    const session = await website.createSession();
    const code = await complete(session);
    for (let turn = 0; turn < 2; turn += 1) {
      const text = await (await watch(session, { "last-event-id": "3" })).text();
      expect(text).toContain(`"code":"${code}"`);
      expect(text).toContain("event: end\n");
    }
  });
});

describe("as JSON lines", () => {
  it("is one status a line, and nothing else", async () => {
    const session = await website.createSession();
    const answer = await watch(session, { accept: "application/x-ndjson" });
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = readLines(answer.body);
    expect((await lines.next()).value).toBe('{"status":"pending","opened":false,"sequence":1}');
    const code = await complete(session);
    const rest: string[] = [];
    for await (const line of lines) rest.push(line);
    expect(rest.at(-1)).toBe(`{"status":"completed","code":"${code}","opened":true,"sequence":3}`);
  });
});

describe("refusals before the first event", () => {
  it.each(["application/json", "text/html", "image/png, application/xml;q=0.9"])(
    "Accept: %s is not acceptable",
    async (accept) => {
      const session = await website.createSession();
      const answer = await watch(session, { accept });
      expect(answer.status).toBe(406);
      expect(await answer.json()).toMatchObject({ code: "not_acceptable", retryable: false });
    },
  );

  it.each(["x", "-1", "1.5", "99999999999"])("after_sequence=%s is not valid", async (id) => {
    const answer = await watch(await website.createSession(), {}, `?after_sequence=${id}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "validation_failed",
      violations: [{ field: "after_sequence" }],
    });
  });

  it("a session that is not there is a plain 404", async () => {
    const stream = website.watchSession("0123456789abcdef");
    await expect(firstOf(stream)).rejects.toMatchObject({ reason: "session_not_found", code: 404 });
  });
});

describe.each(DIALECTS)("after_sequence over %s", (dialect) => {
  it("beats at once when the present status was seen, and tells the next change", async () => {
    const session = await website.createSession();
    const person = stage.person();
    await person.open(session.telegramLink);
    const tab = stage.client(dialect, session.watchToken);
    for (const afterSequence of [0, 1]) {
      const first = await firstOf(tab.watchSession(session.sessionId, { afterSequence }));
      expect(first).toMatchObject({ sequence: 2 });
    }
    const told: { sequence: number; status: string }[] = [];
    // Over REST the heartbeat is a comment, which is no message.
    const beats = dialect === "REST" ? [] : [{ sequence: 2, status: "pending" }];
    const tapped = beats.length === 0 ? person.tap("Login") : null;
    for await (const message of tab.watchSession(session.sessionId, { afterSequence: 2 })) {
      if (told.push(message) === 1 && tapped === null) await person.tap("Login");
    }
    await tapped;
    expect(told).toMatchObject([...beats, { sequence: 3, status: "completed" }]);
  });
});

describe("a heartbeat", () => {
  it("comes within 15 s in every dialect: the same message, or a comment", async () => {
    const session = await website.createSession();
    const started = performance.now();
    const rpc = DIALECTS.filter((dialect) => dialect !== "REST").map(async (dialect) => {
      const messages = stage.client(dialect, session.watchToken).watchSession(session.sessionId);
      const seen = [];
      for await (const message of messages) if (seen.push(message) === 2) break;
      expect(seen[1]).toEqual({ status: "pending", opened: false, sequence: 1 });
      expect(seen[1]).toEqual(seen[0]);
    });
    const comment = (async () => {
      const events = readEvents((await watch(session)).body);
      await nextEvent(events);
      expect((await events.next()).value).toEqual({ kind: "comment", text: "heartbeat" });
      await events.return(undefined);
    })();
    const line = (async () => {
      const lines = readLines((await watch(session, { accept: "application/x-ndjson" })).body);
      const first = await lines.next();
      expect(await lines.next()).toEqual(first);
      await lines.return(undefined);
    })();
    await Promise.all([...rpc, comment, line]);
    expect(performance.now() - started).toBeLessThan(16_000);
  });
});
