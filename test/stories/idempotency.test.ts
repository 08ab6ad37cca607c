// Idempotency-Key on create and verify: the same call gets the same answer, another call with the
// key is a conflict.

import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import { type CallOptions, refusalOf } from "../support/contract-client.ts";
import { codeOf } from "../support/person.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project({ redirect_uris: ["https://shop.example/app"] });
});
afterAll(() => stage.stop());

const key = (value: string): CallOptions => ({ headers: { "Idempotency-Key": value } });

async function newCode(): Promise<string> {
  const { telegramLink } = await project.client().createSession({ state: "s" });
  return codeOf(await stage.person().logIn(telegramLink));
}

/** Makes every key look a minute old. */
async function passAMinute(): Promise<void> {
  await stage.query("update idempotency_keys set created_at = created_at - interval '61 seconds'");
}

describe("createSession", () => {
  it("with the same key and body answers with the same session, whatever the dialect", async () => {
    const input = { state: "same", matchCode: true, client: { ip: "192.0.2.1" } };
    const first = await project.client().createSession(input, key("create-1"));
    for (const dialect of DIALECTS) {
      expect(await project.client(dialect).createSession(input, key("create-1"))).toEqual(first);
    }
  });

  it("with the same key and another body is a conflict in every dialect", async () => {
    await project.client().createSession({ state: "one" }, key("create-2"));
    for (const dialect of DIALECTS) {
      const again = project.client(dialect).createSession({ state: "two" }, key("create-2"));
      expect(await refusalOf(again)).toMatchObject({
        reason: "conflict",
        code: dialect === "REST" ? 409 : "already_exists",
      });
    }
  });

  it("with another key, no key, or after a minute makes a new session", async () => {
    const website = project.client();
    const first = await website.createSession({}, key("create-3"));
    const others = [
      await website.createSession({}, key("create-4")),
      await website.createSession(),
    ];
    await passAMinute();
    others.push(await website.createSession({}, key("create-3")));
    const ids = new Set([first, ...others].map(({ sessionId }) => sessionId));
    expect(ids.size).toBe(4);
  });

  it("simultaneous with the same key makes one session", async () => {
    const calls = Array.from({ length: 10 }, () => project.client().createSession({}, key("race")));
    const ids = new Set((await Promise.all(calls)).map(({ sessionId }) => sessionId));
    expect(ids.size).toBe(1);
  });

  it("refused once leaves the key free", async () => {
    const website = project.client();
    const redirectUri = "https://shop.example/elsewhere";
    const refused = website.createSession({ redirectUri }, key("create-5"));
    expect((await refusalOf(refused)).reason).toBe("redirect_uri_invalid");
    const fixed = { redirectUri: "https://shop.example/app" };
    expect(await website.createSession(fixed, key("create-5"))).toMatchObject({ expiresIn: 300 });
  });

  it("keeps the keys of two projects apart", async () => {
    const other = (await stage.project()).client();
    const mine = await project.client().createSession({ state: "mine" }, key("create-6"));
    const theirs = await other.createSession({ state: "theirs" }, key("create-6"));
    expect(theirs.sessionId).not.toBe(mine.sessionId);
  });
});

describe("verifyCode", () => {
  it("T9 with the same key and code answers with the same profile for a minute", async () => {
    const website = project.client();
    const code = await newCode();
    const profile = await website.verifyCode({ code }, key("verify-1"));
    expect(profile.state).toBe("s");
    for (const dialect of DIALECTS) {
      expect(await project.client(dialect).verifyCode({ code }, key("verify-1"))).toEqual(profile);
    }
    expect((await refusalOf(website.verifyCode({ code }))).reason).toBe("code_invalid");
    const otherKey = website.verifyCode({ code }, key("verify-2"));
    expect((await refusalOf(otherKey)).reason).toBe("code_invalid");
    await passAMinute();
    const late = website.verifyCode({ code }, key("verify-1"));
    expect((await refusalOf(late)).reason).toBe("code_invalid");
  });

  it("with the same key and another code is a conflict that uses nothing up", async () => {
    const website = project.client();
    const [first, second] = [await newCode(), await newCode()];
    await website.verifyCode({ code: first }, key("verify-3"));
    const again = website.verifyCode({ code: second }, key("verify-3"));
    expect(await refusalOf(again)).toMatchObject({ reason: "conflict", code: 409 });
    expect(await website.verifyCode({ code: second })).toMatchObject({ state: "s" });
  });

  it("refused once is refused again, counts once, and is a conflict with another code", async () => {
    const client = project.client();
    const verifier = randomBytes(32).toString("base64url");
    const codeChallenge = createHash("sha256").update(verifier).digest("base64url");
    const session = await client.createSession({ codeChallenge });
    const code = codeOf(await stage.person().logIn(session.telegramLink));
    const wrong = { code, codeVerifier: randomBytes(32).toString("base64url") };
    for (let turn = 0; turn < 5; turn += 1) {
      const refusal = await refusalOf(client.verifyCode(wrong, key("verify-4")));
      expect(refusal).toMatchObject({ reason: "code_invalid" });
    }
    const other = client.verifyCode({ code, codeVerifier: verifier }, key("verify-4"));
    expect(await refusalOf(other)).toMatchObject({ reason: "conflict" });
    // Five repetitions of one call are one wrong verifier: the code is not burnt (T3).
    expect(await client.verifyCode({ code, codeVerifier: verifier })).toMatchObject({
      channel: "telegram",
    });
  });

  it("simultaneous with the same key gives every caller the one answer", async () => {
    const code = await newCode();
    const calls = Array.from({ length: 10 }, () =>
      project.client().verifyCode({ code }, key("verify-race")),
    );
    const ids = new Set((await Promise.all(calls)).map(({ subscriberId }) => subscriberId));
    expect(ids.size).toBe(1);
  });
});

it.each([
  ["a blank in front", " x", null],
  ["letters outside ASCII", "ключ", "Idempotency-Key"],
  ["256 characters", "k".repeat(256), "Idempotency-Key"],
])("an Idempotency-Key with %s is trimmed or refused", async (_, value, field) => {
  const send = fetch(`${stage.url}/v1/auth/session`, {
    method: "POST",
    headers: [
      ["authorization", `Bearer ${project.apiKey}`],
      ["content-type", "application/json"],
      ["idempotency-key", Buffer.from(value).toString("latin1")],
    ],
    body: "{}",
  });
  const answer = await send;
  const { violations } = (await answer.json()) as { violations?: { field: string }[] };
  expect(violations?.[0]?.field ?? null).toBe(field);
});
