// The login from the first request to the verified profile, in every dialect, against the service
// on Node and on Deno.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  type ContractClient,
  type CreatedSession,
  refusalOf,
  type WatchMessage,
} from "../support/contract-client.ts";
import { codeOf, makePerson, type Person } from "../support/person.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe.each(RUNTIMES)("the service on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  describe.each(DIALECTS)("over %s", (dialect) => {
    let website: ContractClient;
    beforeAll(() => {
      website = CLIENTS[dialect](tapin.url, tapin.apiKey);
    });
    afterAll(() => website.close());

    it("createSession, watchSession and verifyCode carry a login from start to profile", async () => {
      const session = await website.createSession({ state: "browser_session_abc" });
      expect(session).toEqual({
        sessionId: expect.stringMatching(/^[A-Za-z0-9]{16}$/),
        telegramLink: `${tapin.url}/sandbox/telegram/TapinDemoBot?start=auths_${session.sessionId}`,
        maxLink: `${tapin.url}/sandbox/max/id770001_bot?start=auths_${session.sessionId}`,
        expiresIn: 300,
        interval: 2,
        watchToken: expect.stringMatching(/^tapin_watch_[A-Za-z0-9]{32}$/),
      });
      const person = makePerson(tapin.url, { username: "johndoe", lang: "en" });
      const page = CLIENTS[dialect](tapin.url, session.watchToken);
      const seen = await watchWhile(page, session, person);
      page.close();
      const code = seen.at(-1)?.code ?? "";
      expect(seen).toEqual([
        { status: "pending", opened: false, sequence: 1 },
        { status: "pending", opened: true, sequence: 2 },
        { status: "completed", opened: true, sequence: 3, code: expect.stringMatching(/^.{20,}$/) },
      ]);
      expect(await website.verifyCode({ code })).toEqual({
        channel: "telegram",
        firstName: "John",
        username: "johndoe",
        avatarUrl: null,
        subscriberId: expect.stringMatching(UUID),
        lang: "en",
        tags: [],
        state: "browser_session_abc",
      });
      const refusal = await refusalOf(website.verifyCode({ code }));
      expect(refusal).toMatchObject({
        reason: "code_invalid",
        code: dialect === "REST" ? 400 : "failed_precondition",
        violations: [],
      });
      expect(refusal.requestId).toBe(refusal.headers.get("x-request-id"));
    });

    it("getSessionStatus alone is enough: pending, completed once, then expired", async () => {
      const session = await website.createSession();
      const poll = () => website.getSessionStatus(session.sessionId);
      expect(await poll()).toEqual({ status: "pending" });
      const person = makePerson(tapin.url);
      await person.open(session.telegramLink);
      expect(await poll()).toEqual({ status: "pending" });
      const confirmed = await person.tap("Login");
      expect(await poll()).toEqual({ status: "completed", code: codeOf(confirmed) });
      expect(await poll()).toEqual({ status: "expired" });
      const profile = await website.verifyCode({ code: codeOf(confirmed) });
      expect(profile).toMatchObject({ username: null, state: null });
    });
  });
});

/**
 * Watches until the stream ends; the person opens the link at the first message and taps Login at
 * the second.
 */
async function watchWhile(
  page: ContractClient,
  { sessionId, telegramLink }: CreatedSession,
  person: Person,
): Promise<readonly WatchMessage[]> {
  const seen: WatchMessage[] = [];
  for await (const message of page.watchSession(sessionId)) {
    if (message.sequence === seen.at(-1)?.sequence) continue; // a heartbeat
    seen.push(message);
    if (message.status !== "pending") continue;
    if (message.opened) await person.tap("Login");
    else await person.open(telegramLink);
  }
  return seen;
}
