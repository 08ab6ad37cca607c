// How the demo website and the chat page look in every state a person can reach: nothing wider than
// the screen, nothing cut off, not one complaint of axe-core; on a phone and on a desktop, light
// and dark, in both languages. With SCREENSHOTS set to a folder, a picture of every state is left
// there, and every look is looked at.

import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { languageOf, TEXTS, type TextKey } from "../../src/channels/messages.ts";
import { textsFor } from "../../src/web/chat-texts.ts";
import { accessibilityProblems } from "../support/chromium.ts";
import {
  type BrowserStage,
  button,
  DESKTOP,
  hold,
  type Newcomer,
  PHONE,
  picture,
  startBrowserStage,
} from "./browser-stage.ts";

const LOOKS = [
  ["phone-light-en", PHONE, "light", "en-GB"],
  ["phone-dark-en", PHONE, "dark", "en-GB"],
  ["desktop-light-en", DESKTOP, "light", "en-GB"],
  ["desktop-dark-en", DESKTOP, "dark", "en-GB"],
  ["phone-light-ru", PHONE, "light", "ru-RU"],
  ["small-dark-ru", { width: 360, height: 640 }, "dark", "ru-RU"],
] as const;

let stage: BrowserStage;
beforeAll(async () => {
  stage = await startBrowserStage();
});
afterAll(() => stage.stop());

// The others differ in a measure that these three have between them.
const ENOUGH = ["phone-light-en", "desktop-dark-en", "small-dark-ru"];
const looks = LOOKS.filter(([name]) => process.env.SCREENSHOTS || ENOUGH.includes(name));

describe.each(looks)("the look on %s", (name, viewport, colorScheme, locale) => {
  const options: BrowserContextOptions = { viewport, colorScheme, locale, reducedMotion: "reduce" };
  const word = (key: TextKey) => TEXTS[key][languageOf(locale.slice(0, 2))];

  /** A newcomer, and a check that a tab looks right now. */
  async function enter(story: string): Promise<{ anna: Newcomer; check: Check }> {
    const anna = await stage.newcomer(options);
    return { anna, check: (page, step) => checkLook(page, `${name}-${story}-${step}`) };
  }

  it("the login, from the start page to the profile", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("login");
    const { site } = anna;
    const page = await anna.visit();
    await check(page, "1-start");
    await button(page, site.loginTelegram).focus();
    await check(page, "2-focus");
    await page.keyboard.press("Enter");
    await page.getByText(site.waiting).waitFor();
    await check(page, "3-waiting");
    const chat = await anna.openLink(page);
    await check(chat, "4-chat");
    await button(chat, anna.chat.start).click();
    await button(chat, word("buttonLogin")).waitFor();
    await check(chat, "5-prompt");
    await page.getByText(site.opened).waitFor();
    await check(page, "6-opened");
    const go = await hold(page, "**/demo/finish");
    await button(chat, word("buttonLogin")).click();
    await page.getByText(site.completed).waitFor();
    await check(page, "7-completed");
    await chat.getByRole("link", { name: word("buttonSite") }).waitFor();
    await check(chat, "8-confirmed");
    await go();
    await page.getByRole("heading", { level: 1, name: site.hello }).waitFor();
    await check(page, "9-profile");
    await page.goto("/demo");
    await button(page, site.logOut).waitFor();
    await check(page, "a-again");
    await anna.leave();
  });

  it("the number to match, and Cancel", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("match");
    const page = await anna.startLogin({ matchNumber: true });
    await check(page, "1-waiting");
    const chat = await anna.openBot(page);
    await page.getByText(anna.site.openedMatch).waitFor();
    await check(page, "2-opened");
    await check(chat, "3-prompt");
    await button(chat, word("buttonCancel")).click();
    await page.getByText(anna.site.cancelled).waitFor();
    await check(page, "4-cancelled");
    await chat.getByText(word("cancelled")).waitFor();
    await check(chat, "5-chat");
    await anna.leave();
  });

  it("what goes wrong", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("wrong");
    const page = await anna.startLogin();
    await anna.openBot(page);
    await page.getByText(anna.site.opened).waitFor();
    await anna.context.setOffline(true);
    await page.getByText(anna.site.trouble).waitFor();
    await check(page, "1-offline");
    await anna.context.setOffline(false);
    await page.getByText(anna.site.opened).waitFor();
    // As Tapin answers about a session whose time ran out.
    await page.route("**/WatchSession", (route) => route.abort());
    const expired = { status: "SESSION_STATUS_EXPIRED" };
    await page.route("**/GetSessionStatus", (route) => route.fulfill({ json: expired }));
    await page.reload();
    await page.getByText(anna.site.expired).waitFor();
    await check(page, "2-expired");
    await page.route("**/demo/login", (route) => route.abort());
    await button(page, anna.site.startAgain).click();
    await page.getByText(anna.site.failed).waitFor();
    await check(page, "3-failed");
    await page.goto("/demo/callback?code=a&state=b");
    await check(page, "4-elsewhere");
    await page.goto("/demo/nowhere");
    await check(page, "5-missing");
    await anna.leave();
  });

  it("the text to send in MAX", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("max");
    const page = await anna.startLogin({ channel: "max" });
    await check(page, "1-waiting");
    await anna.context.grantPermissions(["clipboard-write"]);
    await button(page, anna.site.copy).click();
    await page.getByText(anna.site.copied, { exact: true }).waitFor();
    await check(page, "2-copied");
    await anna.leave();
  });

  it("the chat of MAX, from its start to the language", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("max-chat");
    const words = textsFor(anna.lang, "max");
    const page = await anna.startLogin({ channel: "max" });
    const chat = await anna.openLink(page);
    await check(chat, "1-start");
    await button(chat, words.start).click();
    await button(chat, word("buttonLogin")).waitFor();
    await check(chat, "2-prompt");
    await button(chat, word("buttonLogin")).click();
    await chat.getByRole("link", { name: word("buttonSite") }).waitFor();
    await check(chat, "3-confirmed");
    await page.getByRole("heading", { level: 1, name: anna.site.hello }).waitFor();
    const field = chat.getByRole("textbox", { name: words.placeholder });
    await field.fill("/lang");
    await field.press("Enter");
    await chat.getByText(word("lang")).waitFor();
    await check(chat, "4-lang");
    await button(chat, words.block).click();
    await chat.locator("main").getByRole("button", { name: words.unblock }).waitFor();
    await check(chat, "5-blocked");
    await anna.leave();
  });

  it("the chat by itself", { timeout: 60_000 }, async () => {
    const { anna, check } = await enter("chat");
    const { chat: words } = anna;
    const page = await anna.visit("/sandbox/");
    await check(page, "1-index");
    await page.getByRole("link").first().click();
    await button(page, words.start).waitFor();
    await page.locator("summary").click();
    await check(page, "2-person");
    await page.locator("summary").click();
    await button(page, words.start).click();
    const field = page.getByRole("textbox", { name: words.placeholder });
    await field.fill(
      "https://example.org/a-long-address/that-does-not-fit-in-one-line?of=the-bubble",
    );
    await field.press("Enter");
    await page.getByText("of=the-bubble").waitFor();
    await field.press("Tab");
    await check(page, "3-talk");
    await button(page, words.block).click();
    await page.locator("main").getByRole("button", { name: words.unblock }).waitFor();
    await check(page, "4-blocked");
    await anna.leave();
  });
});

type Check = (page: Page, step: string) => Promise<void>;

async function checkLook(page: Page, name: string): Promise<void> {
  await picture(page, name);
  expect([name, await accessibilityProblems(page)]).toEqual([name, []]);
  expect([name, await cutOff(page)]).toEqual([name, []]);
}

/** What is wider than the screen, or than its own box so that its end cannot be read. */
function cutOff(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const isSeen = ({ clientWidth, className }: Element) =>
      clientWidth > 1 && className !== "unseen";
    return [...document.querySelectorAll("html, body *")]
      .filter((element) => isSeen(element) && element.scrollWidth > element.clientWidth)
      .map((element) => `${element.outerHTML.slice(0, 120)} ${element.scrollWidth}`);
  });
}
