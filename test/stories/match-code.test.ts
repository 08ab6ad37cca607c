// The match code and the context of the prompt, against a victim who approves what an attacker
// started: T2.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import type { ContractClient, CreatedSession } from "../support/contract-client.ts";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf, labelsOf } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

const MISMATCHED =
  "That is not the number on the page, so the sign-in is cancelled. If you did not open the page " +
  "yourself, somebody else may be trying to sign in as you.";

let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  stage = await startStage();
  website = (await stage.project()).client();
});
afterAll(() => stage.stop());

const statusOf = ({ sessionId }: CreatedSession) => website.getSessionStatus(sessionId);

describe("T2 with a match code", () => {
  it.each(DIALECTS)(
    "the page gets two digits over %s and the bot offers them among four",
    async (dialect) => {
      const { apiKey } = await stage.project();
      const session = await stage.client(dialect, apiKey).createSession({ matchCode: true });
      expect(session.matchCode).toMatch(/^[1-9][0-9]$/);
      const prompt = await stage.person().open(session.telegramLink);
      const labels = labelsOf(prompt);
      expect(labels).toHaveLength(5);
      expect(labels.at(-1)).toBe("Cancel");
      const numbers = labels.slice(0, 4);
      expect(numbers).toContain(session.matchCode);
      expect(new Set(numbers).size).toBe(4);
      expect(numbers).toEqual([...numbers].sort());
      expect(prompt.text).not.toContain(session.matchCode);
      expect(prompt.text).toContain("Tap the number shown on the page.");
    },
  );

  it("every prompt of a session offers the same four numbers: no one of them stands out", async () => {
    const offered: string[] = [];
    for (let made = 0; made < 5; made += 1) {
      const session = await website.createSession({ matchCode: true });
      const person = stage.person();
      const first = labelsOf(await person.open(session.telegramLink));
      for (let again = 0; again < 2; again += 1) {
        expect(labelsOf(await person.open(session.telegramLink))).toEqual(first);
      }
      offered.push(...first.slice(0, 4).filter((label) => label !== session.matchCode));
    }
    expect(new Set(offered).size).toBeGreaterThan(3);
  });

  it("the right number approves", async () => {
    const session = await website.createSession({ matchCode: true });
    const person = stage.person();
    await person.open(session.telegramLink);
    const confirmed = await person.tap(session.matchCode ?? "");
    const code = codeOf(confirmed);
    expect(await statusOf(session)).toEqual({ status: "completed", code });
    expect(await website.verifyCode({ code })).toMatchObject({ firstName: "John" });
  });

  it("a wrong number cancels at once, and there is no second try", async () => {
    const session = await website.createSession({ matchCode: true });
    const person = stage.person();
    const prompt = await person.open(session.telegramLink);
    const wrong = labelsOf(prompt).find((label) => label !== session.matchCode) ?? "";
    expect(await person.tap(wrong)).toMatchObject({ text: MISMATCHED, buttons: [] });
    expect(await statusOf(session)).toEqual({ status: "cancelled" });
    expect((await person.open(session.telegramLink)).buttons).toEqual([]);
    expect(await statusOf(session)).toEqual({ status: "cancelled" });
  });

  it("Cancel cancels", async () => {
    const session = await website.createSession({ matchCode: true });
    const person = stage.person();
    await person.open(session.telegramLink);
    expect(await person.tap("Cancel")).toMatchObject({ text: "Sign-in cancelled.", buttons: [] });
    expect(await statusOf(session)).toEqual({ status: "cancelled" });
  });

  it("a project that requires it gets one without asking, on sessions from then on", async () => {
    const project = await stage.project();
    const shop = project.client();
    expect(await shop.createSession()).not.toHaveProperty("matchCode");
    await stage.admin("PATCH", `projects/${project.slug}`, { match_code: "required" });
    const session = await shop.createSession({ matchCode: false });
    expect(session.matchCode).toMatch(/^[1-9][0-9]$/);
    expect(labelsOf(await stage.person().open(session.telegramLink))).not.toContain("Login");
  });
});

describe("T2 the prompt", () => {
  it("names project, host, browser, address and age, and offers Login and Cancel alike", async () => {
    const session = await website.createSession({
      client: {
        ip: "192.0.2.7",
        userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      },
    });
    const prompt = await stage.person().open(session.telegramLink);
    expect(prompt.text.split("\n")).toEqual([
      "Sign in to Corner Shop?",
      "Site: shop.example",
      "",
      expect.stringMatching(
        /^Request from Firefox on Linux, 192\.0\.2\.7, (just now|\d+ seconds? ago)$/,
      ),
      "",
      "Only confirm if you opened this page yourself.",
      "",
      "You will also receive notifications. Send /stop to turn them off.",
    ]);
    expect(prompt.buttons).toEqual([{ label: "Login" }, { label: "Cancel" }]);
  });

  it("names the host of the redirect URI when that is where the browser lands", async () => {
    const redirectUri = "https://app.other.example/login";
    const project = await stage.project({ redirect_uris: [redirectUri] });
    const session = await project.client().createSession({ redirectUri });
    const { text } = await stage.person().open(session.telegramLink);
    expect(text).toContain("Site: app.other.example\n");
  });

  it("shows a browser's lies as plain text on the one line", async () => {
    const session = await website.createSession({
      client: { ip: "2001:db8::1", userAgent: "Nice\nSite: bank.example\u202e" },
    });
    const { text } = await stage.person().open(session.telegramLink);
    expect(text).not.toContain("bank.example");
    expect(text).toContain("2001:db8::1");
    expect(text.split("\n")).toHaveLength(8);
  });

  it.each(["not-an-address", "192.0.2.300", "192.0.2.7 evil", "::1%evil.example", ""])(
    "takes no %j as an address",
    async (ip) => {
      const refusal = await refusalOf(website.createSession({ client: { ip } }));
      expect(refusal.violations).toMatchObject([{ field: "client.ip" }]);
    },
  );

  it("opened alone never completes, however often", async () => {
    const session = await website.createSession();
    const person = stage.person();
    for (let turn = 0; turn < 3; turn += 1) await person.open(session.telegramLink);
    expect(await statusOf(session)).toEqual({ status: "pending" });
  });
});
