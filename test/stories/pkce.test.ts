// PKCE (RFC 7636) against a code that reaches the wrong hands: T3.

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf } from "../support/person.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

// RFC 7636 appendix B.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const WRONG = "w".repeat(43);

const CODE_INVALID = {
  reason: "code_invalid",
  code: 400,
  message: "The code is not valid.",
  violations: [],
};

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project();
});
afterAll(() => stage.stop());

async function logIn(codeChallenge?: string) {
  const website = project.client();
  const session = await website.createSession(codeChallenge === undefined ? {} : { codeChallenge });
  const code = codeOf(await stage.person().logIn(session.telegramLink));
  const refuse = (codeVerifier?: string) =>
    refusalOf(website.verifyCode({ code, ...(codeVerifier !== undefined && { codeVerifier }) }));
  return { website, session, code, refuse };
}

describe("T3 a code whose session had a challenge", () => {
  it.each(DIALECTS)("is traded for the right verifier over %s", async (dialect) => {
    const website = project.client(dialect);
    const { telegramLink } = await website.createSession({ codeChallenge: CHALLENGE });
    const code = codeOf(await stage.person().logIn(telegramLink));
    const profile = await website.verifyCode({ code, codeVerifier: VERIFIER });
    expect(profile).toMatchObject({ firstName: "John" });
  });

  it("takes a verifier of any allowed length", async () => {
    const longest = "a~._-Z0".repeat(19).slice(0, 128);
    const { website, code } = await logIn(createHash("sha256").update(longest).digest("base64url"));
    expect(await website.verifyCode({ code, codeVerifier: longest })).toBeTruthy();
  });

  it("is code_invalid without and with a wrong verifier, and good after two mistakes", async () => {
    const { website, code, refuse } = await logIn(CHALLENGE);
    expect(await refuse()).toMatchObject(CODE_INVALID);
    expect(await refuse(WRONG)).toMatchObject(CODE_INVALID);
    const profile = await website.verifyCode({ code, codeVerifier: VERIFIER });
    expect(profile).toMatchObject({ firstName: "John" });
  });

  it("is burnt after three wrong tries: the right verifier comes too late", async () => {
    const { website, session, refuse } = await logIn(CHALLENGE);
    for (const verifier of [WRONG, undefined, CHALLENGE]) {
      expect(await refuse(verifier)).toMatchObject(CODE_INVALID);
    }
    expect(await refuse(VERIFIER)).toMatchObject(CODE_INVALID);
    const bearer = session.watchToken;
    expect(await website.getSessionStatus(session.sessionId, { bearer })).toEqual({
      status: "expired",
    });
  });

  it("is burnt by three simultaneous wrong tries as well", async () => {
    const { refuse } = await logIn(CHALLENGE);
    await Promise.all([refuse(WRONG), refuse(WRONG), refuse(WRONG)]);
    expect(await refuse(VERIFIER)).toMatchObject(CODE_INVALID);
  });

  it("cannot be burnt by another project", async () => {
    const { website, code } = await logIn(CHALLENGE);
    const other = (await stage.project()).client();
    for (let turn = 0; turn < 3; turn += 1) {
      const foreign = other.verifyCode({ code, codeVerifier: WRONG });
      expect(await refusalOf(foreign)).toMatchObject(CODE_INVALID);
    }
    expect(await website.verifyCode({ code, codeVerifier: VERIFIER })).toBeTruthy();
  });
});

it("T3 a code whose session had no challenge is code_invalid with a verifier", async () => {
  const { website, code, refuse } = await logIn();
  expect(await refuse(VERIFIER)).toMatchObject(CODE_INVALID);
  expect(await website.verifyCode({ code })).toMatchObject({ firstName: "John" });
});

describe("T3 what is no challenge and no verifier", () => {
  it.each([
    ["a plain verifier's padding", `${CHALLENGE}=`],
    ["42 characters", CHALLENGE.slice(1)],
    ["44 characters", `${CHALLENGE}A`],
    ["letters outside base64url", CHALLENGE.replace("-", "+")],
    ["nothing", ""],
  ])("is a challenge with %s", async (_, codeChallenge) => {
    const refusal = await refusalOf(project.client().createSession({ codeChallenge }));
    expect(refusal).toMatchObject({
      reason: "validation_failed",
      violations: [{ field: "code_challenge" }],
    });
  });

  it.each([
    ["42 characters", "v".repeat(42)],
    ["129 characters", "v".repeat(129)],
    ["a blank", `${"v".repeat(43)} `],
    ["a letter outside the alphabet", `${"v".repeat(43)}+`],
    ["nothing", ""],
  ])("is a verifier with %s, which costs no try", async (_, codeVerifier) => {
    const { website, code, refuse } = await logIn(CHALLENGE);
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await refuse(codeVerifier)).toMatchObject({
        reason: "validation_failed",
        violations: [{ field: "code_verifier" }],
      });
    }
    expect(await website.verifyCode({ code, codeVerifier: VERIFIER })).toBeTruthy();
  });
});
