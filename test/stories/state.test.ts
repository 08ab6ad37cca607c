// The website's `state`: which values are taken, and that they come back unchanged and are shown to
// nobody: T26.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf, websiteOf } from "../support/person.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

const PRINTABLE = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index))
  .join("")
  .replace(/[<>&]/g, "");

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project();
});
afterAll(() => stage.stop());

const HOSTILE: readonly [string, string][] = [
  ["nothing", ""],
  ["129 characters", "s".repeat(129)],
  ["a blank inside", "a b"],
  ["a blank at the end", "a "],
  ["a tab", "a\tb"],
  ["a line feed at the end", "a\n"],
  ["a carriage return and a header", "a\r\nset-cookie: x=1"],
  ["U+0000", "a\0b"],
  ["DEL", "a\x7f"],
  ["a less-than sign", "a<b"],
  ["a greater-than sign", "a>b"],
  ["an ampersand", "a&code=stolen"],
  ["a script", '"><script>alert(1)</script>'],
  ["an umlaut", "größe"],
  ["Cyrillic letters", "вход"],
  ["an emoji", "🙂"],
  ["a right-to-left override", "a\u202eb"],
  ["a zero-width space", "a\u200bb"],
  ["a full-width less-than sign", "\uff1cb"],
];

describe("T26 a hostile state", () => {
  it.each(HOSTILE)("with %s is refused over REST and over gRPC", async (_, state) => {
    for (const dialect of ["REST", "gRPC"] as const) {
      const refusal = await refusalOf(project.client(dialect).createSession({ state }));
      expect(refusal).toMatchObject({
        reason: "validation_failed",
        code: dialect === "REST" ? 400 : "invalid_argument",
        violations: [{ field: "state", message: expect.stringContaining("1-128 printable ASCII") }],
      });
      if (state.length > 2) expect(refusal.message).not.toContain(state);
    }
  });
});

describe("T26 a state that is taken", () => {
  it.each([
    ["every allowed character", PRINTABLE],
    ["128 characters", "s".repeat(128)],
    ["one character", "0"],
    ["what looks like a query", "code=stolen#%00?state=x"],
    ["what looks like a template", "{project}%s$1{{x}}"],
    ["what looks like an escape", "%26code=stolen%0d%0a"],
  ])("comes back unchanged from verify and on the callback URL: %s", async (_, state) => {
    const website = project.client();
    const { telegramLink } = await website.createSession({ state });
    const confirmed = await stage.person().logIn(telegramLink);
    const { searchParams } = websiteOf(confirmed);
    expect([...searchParams.keys()]).toEqual(["code", "state"]);
    expect(searchParams.get("state")).toBe(state);
    const profile = await website.verifyCode({ code: codeOf(confirmed) });
    expect(profile.state).toBe(state);
  });

  it.each(DIALECTS)("is the same over %s", async (dialect) => {
    const website = project.client(dialect);
    const { telegramLink } = await website.createSession({ state: PRINTABLE });
    const code = codeOf(await stage.person().logIn(telegramLink));
    expect((await website.verifyCode({ code })).state).toBe(PRINTABLE);
  });

  it("is in no text the person reads and in no line of the log", async () => {
    const state = "only-the-website-reads-this";
    const { telegramLink } = await project.client().createSession({ state });
    const person = stage.person();
    await person.logIn(telegramLink);
    const texts = (await person.chat()).map(({ text }) => text).join("\n");
    expect(texts).toContain("Corner Shop");
    expect(texts).not.toContain(state);
    expect(stage.tapin.output()).not.toContain(state);
  });
});
