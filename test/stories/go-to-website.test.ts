// The way back to the website: the button "Go to website" with the code and the state, static
// links, redirect URIs.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf, labelsOf, websiteOf } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

describe("the button of a session", () => {
  it("carries the code the watcher reads, and the state", async () => {
    const website = (await stage.project()).client();
    const session = await website.createSession({ state: "a/b?c=d%#" });
    const confirmed = await stage.person().logIn(session.telegramLink);
    const { code } = await website.getSessionStatus(session.sessionId);
    expect(labelsOf(confirmed)).toEqual(["Go to website"]);
    const query = `code=${code}&state=a%2Fb%3Fc%3Dd%25%23`;
    expect(websiteOf(confirmed).href).toBe(`https://shop.example/login?${query}`);
    expect((await website.verifyCode({ code: code ?? "" })).state).toBe("a/b?c=d%#");
  });

  it("leaves out the state when none was given and keeps the callback URL's own query", async () => {
    const callback_url = "https://shop.example/login?next=%2Fcart&empty=";
    const website = (await stage.project({ callback_url })).client();
    const session = await website.createSession();
    const confirmed = await stage.person().logIn(session.telegramLink);
    expect(websiteOf(confirmed).href).toBe(`${callback_url}&code=${codeOf(confirmed)}`);
  });

  it("is not there without a callback URL; the watcher gets the code all the same", async () => {
    const website = (await stage.project({ callback_url: null })).client();
    const session = await website.createSession();
    const confirmed = await stage.person().logIn(session.telegramLink);
    expect(confirmed).toMatchObject({
      text: "Corner Shop\nConfirmed. Return to the page with the QR code.",
      buttons: [],
    });
    expect(await website.getSessionStatus(session.sessionId)).toMatchObject({
      status: "completed",
    });
  });

  it("T4 goes away once the code is used", async () => {
    const website = (await stage.project()).client();
    const session = await website.createSession();
    const person = stage.person();
    const confirmed = await person.logIn(session.telegramLink);
    await website.verifyCode({ code: codeOf(confirmed) });
    await expect
      .poll(() => person.bubble(confirmed.message_id), { timeout: 10_000 })
      .toMatchObject({ text: "You are signed in.", buttons: [] });
  });

  it("T5 opened nowhere at all, the watching tab still finishes by itself, with the same code", async () => {
    const website = (await stage.project()).client();
    const session = await website.createSession();
    const tab = stage.client("Connect JSON", session.watchToken);
    const person = stage.person();
    const codes: string[] = [];
    for await (const { status, opened, code = "" } of tab.watchSession(session.sessionId)) {
      if (status === "completed") codes.push(code);
      else if (opened) codes.push(codeOf(await person.tap("Login")));
      else await person.open(session.telegramLink);
    }
    expect(codes).toHaveLength(2);
    expect(codes[1]).toBe(codes[0]);
  });
});

describe("redirect_uri", () => {
  const allowed = "https://shop.example/app/login?v=1";

  it("takes the place of the callback URL when it is on the project's list", async () => {
    const website = (await stage.project({ redirect_uris: [allowed] })).client();
    const session = await website.createSession({ redirectUri: allowed, state: "s" });
    const confirmed = await stage.person().logIn(session.telegramLink);
    expect(websiteOf(confirmed).href).toBe(`${allowed}&code=${codeOf(confirmed)}&state=s`);
  });

  it.each([
    ["another address", "https://evil.example/login"],
    ["the callback URL itself, which is on no list", "https://shop.example/login"],
    ["another query", "https://shop.example/app/login?v=2"],
    ["no query", "https://shop.example/app/login"],
    ["one more parameter", `${allowed}&x=1`],
    ["a fragment", `${allowed}#x`],
    ["a user name", "https://me@shop.example/app/login?v=1"],
    ["another scheme", "http://shop.example/app/login?v=1"],
    ["other letters", "https://shop.example/App/login?v=1"],
    ["another spelling of the host", "https://SHOP.example/app/login?v=1"],
    ["a port that is the default", "https://shop.example:443/app/login?v=1"],
    ["a path that resolves to it", "https://shop.example/x/../app/login?v=1"],
  ])("T15 refuses %s", async (_, redirectUri) => {
    const project = await stage.project({ redirect_uris: [allowed] });
    const overRest = await refusalOf(project.client().createSession({ redirectUri }));
    expect(overRest).toMatchObject({ reason: "redirect_uri_invalid", code: 400 });
    const overGrpc = await refusalOf(project.client("gRPC").createSession({ redirectUri }));
    expect(overGrpc).toMatchObject({ reason: "redirect_uri_invalid", code: "invalid_argument" });
  });
});

describe("a static link", () => {
  it("logs in with the code in the button only, without state", async () => {
    const website = (await stage.project()).client();
    const { telegramLink, configured } = await website.getLink();
    expect(configured).toBe(true);
    const person = stage.person();
    const prompt = await person.open(telegramLink);
    expect(labelsOf(prompt)).toEqual(["Login", "Cancel"]);
    const confirmed = await person.tap("Login");
    expect(confirmed.text).toBe("Corner Shop\nConfirmed. Continue on the site:");
    expect(websiteOf(confirmed).href).toBe(`https://shop.example/login?code=${codeOf(confirmed)}`);
    const profile = await website.verifyCode({ code: codeOf(confirmed) });
    expect(profile).toMatchObject({ channel: "telegram", firstName: "John", state: null });
    await refusalOf(website.verifyCode({ code: codeOf(confirmed) }));
  });

  it("T14 gives its code to no watcher: there is no session to watch", async () => {
    const project = await stage.project();
    const website = project.client();
    const session = await website.createSession();
    const { telegramLink } = await website.getLink();
    await stage.person().logIn(telegramLink);
    expect(await website.getSessionStatus(session.sessionId)).toEqual({ status: "pending" });
    const grants = await stage.query(
      `select session_id, recipient from grants join projects on projects.id = grants.project_id
       where slug = $1`,
      [project.slug],
    );
    expect(grants).toEqual([{ session_id: null, recipient: null }]);
    const sessions = await stage.query(
      `select sessions.id from sessions join projects on projects.id = project_id where slug = $1`,
      [project.slug],
    );
    expect(sessions).toEqual([{ id: session.sessionId }]);
  });

  it("is off for a project without a callback URL", async () => {
    const website = (await stage.project({ callback_url: null })).client();
    const { telegramLink } = await website.getLink();
    const answer = await stage.person().open(telegramLink);
    expect(answer).toMatchObject({
      text: "Sign-in is not set up for this project.",
      buttons: [],
    });
  });

  it("is off for a project that does not exist, in the same words", async () => {
    const answer = await stage
      .person()
      .open(`${stage.url}/sandbox/telegram/TapinDemoBot?start=auth_no-such-shop`);
    expect(answer.text).toBe("Sign-in is not set up for this project.");
  });
});
