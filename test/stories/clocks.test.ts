// A process whose clock is wrong, on a database whose clock is right: T23.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

const HOUR_MS = 3_600_000;

/** A module that turns the clock of a process, for Node's `--import`. */
function turnedClock(byMs: number): string {
  const script = `
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...given) {
        if (given.length === 0) super(Real.now() + ${byMs});
        else super(...given);
      }
      static now() { return Real.now() + ${byMs}; }
    };`;
  return `data:text/javascript,${encodeURIComponent(script)}`;
}

describe.each([
  ["ahead", HOUR_MS],
  ["behind", -HOUR_MS],
])("T23 a clock that is an hour %s", (_, byMs) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ env: { NODE_OPTIONS: `--import=${turnedClock(byMs)}` } });
  });
  afterAll(() => stage.stop());

  it("is noticed by the doctor", async () => {
    const { findings } = await stage.admin("GET", "doctor");
    expect(findings).toContainEqual(expect.objectContaining({ subject: "clock", healthy: false }));
  });

  it("does not matter: sessions, codes and repetitions live as long as they should", async () => {
    const website = (await stage.project()).client();
    const session = await website.createSession();
    expect(session.expiresIn).toBe(300);
    const pending = await website.getSessionStatus(session.sessionId);
    expect(pending).toMatchObject({ status: "pending" });
    const code = codeOf(await stage.person().logIn(session.telegramLink));
    const once = { headers: { "idempotency-key": "once" } };
    const profile = await website.verifyCode({ code }, once);
    expect(profile).toMatchObject({ firstName: "John" });
    expect(await website.verifyCode({ code }, once)).toEqual(profile);
  });

  it("does not matter to the end of a session either: the database tells when it is over", async () => {
    const website = (await stage.project()).client();
    const { sessionId } = await website.createSession();
    await stage.query("update sessions set expires_at = now() where id = $1", [sessionId]);
    // The sweeper notices by the database's clock what was done to it by hand.
    await expect
      .poll(() => website.getSessionStatus(sessionId), { timeout: 10_000 })
      .toMatchObject({ status: "expired" });
  });
});
