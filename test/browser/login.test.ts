// The login as a person sees it, in a real browser, against the whole service on Node and on Deno:
// the demo website in one tab, the chat of the pretend Telegram in another.

import type { Page } from "playwright-core";
import { encode } from "uqr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TEXTS } from "../../src/channels/messages.ts";
import { RUNTIMES } from "../support/tapin.ts";
import {
  type BrowserStage,
  button,
  hold,
  type Newcomer,
  startBrowserStage,
} from "./browser-stage.ts";
import { readModules } from "./qr-modules.ts";

const LOGIN = TEXTS.buttonLogin.en;
const CANCEL = TEXTS.buttonCancel.en;
const GO_TO_WEBSITE = TEXTS.buttonSite.en;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Milliseconds from the tap to the greeting that the first tab may take when it is told by stream.
 */
const STREAM_LIMIT_MS = 1000;

describe.each(RUNTIMES)("the login in a browser, on %s", { timeout: 60_000 }, (runtime) => {
  let stage: BrowserStage;
  beforeAll(async () => {
    stage = await startBrowserStage({ runtime });
  });
  afterAll(() => stage.stop());

  it("goes from the demo page to the chat and, by stream, back to a profile with all data", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const link =
      (await page.getByRole("link", { name: "Open Telegram" }).getAttribute("href")) ?? "";
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sandbox\/telegram\/\w+\?start=auths_\w{16}$/);
    const expected = encode(link, { ecc: "M", border: 4 });
    const qr = page.getByRole("img", { name: anna.site.qrAlt });
    expect(await readModules(qr, expected.size)).toEqual(expected.data);
    const polls = countRequests(page, "GetSessionStatus");

    const chat = await anna.openBot(page);
    await page.getByText(anna.site.opened).waitFor();
    const tapped = await tapAndNote(chat, LOGIN);
    await arrive(page, anna);
    const took = (await greetedAt(page)) - tapped;
    process.stdout.write(`On ${runtime}: ${Math.round(took)} ms from the tap to the greeting.\n`);
    expect(took).toBeLessThan(STREAM_LIMIT_MS);
    expect(polls()).toBe(0);
    // The code is used, so the button that carries it goes (T4).
    await chat.getByText(TEXTS.done.en).waitFor();
    expect(await chat.locator(".key").count()).toBe(0);

    expect(await profileOf(page)).toEqual({
      Messenger: "Telegram",
      "First name": "Anna",
      Username: "none",
      "Subscriber ID": expect.stringMatching(UUID),
      Language: "en",
      Tags: "none",
      State: expect.stringMatching(/^[\w-]{22}/),
    });
    await button(page, anna.site.logOut).click();
    await button(page, anna.site.loginTelegram).waitFor();
    await page.goto("/demo/profile");
    expect(new URL(page.url()).pathname).toBe("/demo");
    await anna.leave();
  });
});

describe("the login in a browser", { timeout: 60_000 }, () => {
  let stage: BrowserStage;
  beforeAll(async () => {
    stage = await startBrowserStage();
  });
  afterAll(() => stage.stop());

  it("the button Go to website, in the same browser, ends logged in as well", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const chat = await anna.openBot(page);
    await page.close();
    await button(chat, LOGIN).click();
    const opened = anna.context.waitForEvent("page");
    await chat.getByRole("link", { name: GO_TO_WEBSITE }).click();
    const returned = await opened;
    await arrive(returned, anna);
    // The code is in no address that the browser keeps showing (T4).
    expect(new URL(returned.url()).search).toBe("");
    await anna.leave();
  });

  it("the tab that the button opens is first, and the waiting tab ends logged in as well", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const chat = await anna.openBot(page);
    const go = await hold(page, "**/demo/finish");
    await button(chat, LOGIN).click();
    const opened = anna.context.waitForEvent("page");
    await chat.getByRole("link", { name: GO_TO_WEBSITE }).click();
    const returned = await opened;
    await arrive(returned, anna);
    await go();
    await arrive(page, anna);
    expect(await profileOf(returned)).toEqual(await profileOf(page));
    await anna.leave();
  });

  it("T5 the callback in another browser consumes nothing, and the first tab still completes", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const chat = await anna.openBot(page);
    // The first tab hears of the code, but cannot hand it over yet.
    const go = await hold(page, "**/demo/finish");
    await button(chat, LOGIN).click();
    const website = chat.getByRole("link", { name: GO_TO_WEBSITE });
    const address = (await website.getAttribute("href")) ?? "";
    await page.getByText(anna.site.completed).waitFor();

    const other = await stage.newcomer();
    const elsewhere = await other.visit(address);
    await elsewhere.getByRole("heading", { name: other.site.elsewhereTitle }).waitFor();
    await elsewhere.getByRole("link", { name: other.site.startHere }).click();
    await button(elsewhere, other.site.loginTelegram).waitFor();
    await other.leave();

    await go();
    await arrive(page, anna);
    await anna.leave();
  });

  it("Cancel in the chat: the page says so, and Start again works", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const chat = await anna.openBot(page);
    await button(chat, CANCEL).click();
    await page.getByText(anna.site.cancelled).waitFor();
    await chat.getByText(TEXTS.cancelled.en).waitFor();
    expect(await chat.locator(".key").count()).toBe(0);

    await button(page, anna.site.startAgain).click();
    await page.getByText(anna.site.waiting).waitFor();
    const second = await anna.openBot(page);
    await button(second, LOGIN).click();
    await arrive(page, anna);
    await anna.leave();
  });

  it("Cancel on the page: the prompt in the chat loses its buttons", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    const chat = await anna.openBot(page);
    await button(page, anna.site.cancel).click();
    await page.getByText(anna.site.cancelled).waitFor();
    await chat.getByText(TEXTS.cancelled.en).waitFor();
    expect(await chat.locator(".key").count()).toBe(0);
    await anna.leave();
  });

  it("the number to match: the right one logs in", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin({ matchNumber: true });
    const chat = await anna.openBot(page);
    await page.getByText(anna.site.openedMatch).waitFor();
    const { right, labels } = await numbersOf(page, chat);
    expect(labels).toHaveLength(5);
    expect(labels).toContain(right);
    expect(labels.at(-1)).toBe(CANCEL);
    await button(chat, right).click();
    await arrive(page, anna);
    await anna.leave();
  });

  it("the number to match: a wrong one cancels at once", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin({ matchNumber: true });
    const chat = await anna.openBot(page);
    const { right, labels } = await numbersOf(page, chat);
    const wrong = labels.find((label) => label !== right) ?? "";
    await button(chat, wrong).click();
    await page.getByText(anna.site.cancelled).waitFor();
    await chat.getByText(TEXTS.mismatched.en).waitFor();
    expect(await chat.locator(".key").count()).toBe(0);
    await anna.leave();
  });

  it("two tabs with a session each: both complete, the second first, each with its own state", async () => {
    const anna = await stage.newcomer();
    const first = await anna.startLogin();
    const second = await anna.startLogin();
    for (const page of [second, first]) {
      const chat = await anna.openBot(page);
      await button(chat, LOGIN).last().click();
      await arrive(page, anna);
      await chat.close();
    }
    const [one, two] = [await profileOf(first), await profileOf(second)];
    expect(one["Subscriber ID"]).toBe(two["Subscriber ID"]);
    expect(one.State).not.toBe(two.State);
    await anna.leave();
  });

  it("where streams do not get through, polling completes", async () => {
    const anna = await stage.newcomer();
    await anna.context.route("**/WatchSession", (route) => route.abort());
    const page = await anna.startLogin();
    const polls = countRequests(page, "GetSessionStatus");
    const chat = await anna.openBot(page);
    await button(chat, LOGIN).click();
    await arrive(page, anna);
    expect(polls()).toBeGreaterThan(0);
    await anna.leave();
  });
});

async function arrive(page: Page, { chat, site }: Newcomer): Promise<void> {
  await page.getByRole("heading", { name: `${site.hello}, ${chat.defaultName}!` }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/demo/profile");
}

/**
 * Taps, and answers with the browser's time of the tap: what the test itself needs for it does not
 * count.
 */
async function tapAndNote(chat: Page, label: string): Promise<number> {
  await chat.evaluate(() => {
    addEventListener("click", () => document.body.setAttribute("data-tapped", String(Date.now())), {
      capture: true,
      once: true,
    });
  });
  await button(chat, label).click();
  return Number(await chat.locator("body").getAttribute("data-tapped"));
}

/** When the page was there to be read, by the same clock. */
async function greetedAt(page: Page): Promise<number> {
  await page.waitForLoadState("load");
  return await page.evaluate(() => {
    const [arrival] = performance.getEntriesByType("navigation");
    return performance.timeOrigin + (arrival as PerformanceNavigationTiming).loadEventStart;
  });
}

function countRequests(page: Page, procedure: string): () => number {
  let count = 0;
  page.on("request", (request) => {
    if (request.url().endsWith(`/${procedure}`)) count += 1;
  });
  return () => count;
}

/** The rows of the profile page. */
async function profileOf(page: Page): Promise<Record<string, string>> {
  const rows = await page.locator("dl > div").all();
  const entries = rows.map(async (row) => {
    const [name = "", value = ""] = await row.locator("dt, dd").allTextContents();
    return [name, value] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function numbersOf(page: Page, chat: Page) {
  const right = (await page.locator("#match-digits").textContent()) ?? "";
  expect(right).toMatch(/^\d\d$/);
  return { right, labels: await chat.locator(".key").allTextContents() };
}
