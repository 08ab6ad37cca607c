// How a session ends: cancelled by the person, cancelled by the website, expired. Whatever ended it
// first stays.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContractClient, CreatedSession, WatchMessage } from "../support/contract-client.ts";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf, type Person } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

/** Milliseconds the sweeper may take to edit a message: it comes by every second. */
const SOON = { timeout: 10_000 };

const CANCELLED = { text: "Sign-in cancelled.", buttons: [] };
const EXPIRED = { text: "This request has expired. Start again on the site.", buttons: [] };

let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  stage = await startStage();
  website = (await stage.project()).client();
});
afterAll(() => stage.stop());

/** A session whose link the person has opened, watched from then on. */
async function openSession() {
  const session = await website.createSession();
  const person = stage.person();
  const prompt = await person.open(session.telegramLink);
  const tab = stage.client("gRPC", session.watchToken);
  return { session, person, prompt, tab, watched: watchToEnd(tab, session) };
}

async function watchToEnd(
  tab: ContractClient,
  { sessionId }: CreatedSession,
): Promise<WatchMessage> {
  let last: WatchMessage | null = null;
  for await (const message of tab.watchSession(sessionId)) last = message;
  if (last === null) throw new Error("the stream ended without a message");
  return last;
}

/** Everything that could still change an ended session leaves it as it is. */
async function expectTerminal(session: CreatedSession, person: Person, status: string) {
  const { sessionId, telegramLink, watchToken } = session;
  expect(await website.cancelSession(sessionId)).toEqual({ status });
  expect(await website.cancelSession(sessionId, { bearer: watchToken })).toEqual({ status });
  expect((await person.open(telegramLink)).buttons).toEqual([]);
  expect(await website.getSessionStatus(sessionId)).toEqual({ status });
}

describe("the person's Cancel", () => {
  it("ends the session for every reader and closes the prompt", async () => {
    const { session, person, watched } = await openSession();
    expect(await person.tap("Cancel")).toMatchObject(CANCELLED);
    expect(await watched).toEqual({ status: "cancelled", opened: true, sequence: 3 });
    expect(await person.open(session.telegramLink)).toMatchObject(CANCELLED);
    await expectTerminal(session, person, "cancelled");
  });
});

describe("cancelSession", () => {
  it.each(["watch token", "API key"])(
    "with the %s ends the session and edits the prompt",
    async (credentials) => {
      const { session, person, prompt, tab, watched } = await openSession();
      const canceller = credentials === "API key" ? website : tab;
      expect(await canceller.cancelSession(session.sessionId)).toEqual({ status: "cancelled" });
      expect(await watched).toEqual({ status: "cancelled", opened: true, sequence: 3 });
      await expect.poll(() => person.bubble(prompt.message_id), SOON).toMatchObject(CANCELLED);
      await expectTerminal(session, person, "cancelled");
    },
  );

  it("before anybody opened the link leaves nothing to open", async () => {
    const session = await website.createSession();
    expect(await website.cancelSession(session.sessionId)).toEqual({ status: "cancelled" });
    expect(await stage.person().open(session.telegramLink)).toMatchObject(CANCELLED);
  });

  it("after Login says completed, takes nothing back and delivers no code", async () => {
    const { session, person, watched } = await openSession();
    const code = codeOf(await person.tap("Login"));
    expect(await watched).toMatchObject({ status: "completed", code });
    expect(await website.cancelSession(session.sessionId)).toEqual({ status: "completed" });
    expect(await website.verifyCode({ code })).toMatchObject({ firstName: "John" });
    expect(await website.cancelSession(session.sessionId)).toEqual({ status: "completed" });
  });

  it("right before Login wins: the tap logs nobody in", async () => {
    const { session, person, prompt } = await openSession();
    await website.cancelSession(session.sessionId);
    // The sweeper may have taken the button away already; then there is nothing to tap.
    await person.tap("Login", prompt.message_id).catch(() => null);
    expect(await website.getSessionStatus(session.sessionId)).toEqual({ status: "cancelled" });
    await expect.poll(() => person.bubble(prompt.message_id), SOON).toMatchObject(CANCELLED);
  });
});

describe("expiry", () => {
  const turnBack = (session: CreatedSession) =>
    stage.query("update sessions set expires_at = now() - interval '1 second' where id = $1", [
      session.sessionId,
    ]);

  it("reaches the watcher, the prompt and the row", async () => {
    const { session, person, prompt, watched } = await openSession();
    await turnBack(session);
    expect(await watched).toEqual({ status: "expired", opened: true, sequence: 3 });
    await expect.poll(() => person.bubble(prompt.message_id), SOON).toMatchObject(EXPIRED);
    const row =
      "select status, sequence, ended_at is not null as ended from sessions where id = $1";
    await expect
      .poll(() => stage.query(row, [session.sessionId]), SOON)
      .toEqual([{ status: "expired", sequence: 3, ended: true }]);
    expect(await person.open(session.telegramLink)).toMatchObject(EXPIRED);
    await expectTerminal(session, person, "expired");
  });

  it("of a session nobody opened reads as expired", async () => {
    const session = await website.createSession();
    await turnBack(session);
    // Turned back by hand, so that what the process knows of the session's time is wrong until the
    // sweeper comes by.
    await expect
      .poll(() => website.getSessionStatus(session.sessionId), SOON)
      .toEqual({ status: "expired" });
    const person = stage.person();
    expect(await person.open(session.telegramLink)).toMatchObject(EXPIRED);
    await expectTerminal(session, person, "expired");
  });

  it("of a code makes it invalid, turns its reader to expired and takes the button away", async () => {
    const { session, person, tab, watched } = await openSession();
    const confirmed = await person.tap("Login");
    expect((await watched).code).toBe(codeOf(confirmed));
    await stage.query("update grants set expires_at = now() where session_id = $1", [
      session.sessionId,
    ]);
    expect(await tab.getSessionStatus(session.sessionId)).toEqual({ status: "expired" });
    const refusal = await refusalOf(website.verifyCode({ code: codeOf(confirmed) }));
    expect(refusal.reason).toBe("code_invalid");
    await expect.poll(() => person.bubble(confirmed.message_id), SOON).toMatchObject(EXPIRED);
  });
});
