// The chat page of the pretend MAX in a real Chromium: Start, the login, a deep link opened in a
// running dialog and the text to send instead, stopping and starting again; in two languages, light
// and dark, on a phone and on a desktop.

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityProblems, launchChromium } from "../support/chromium.ts";
import { type RunningBot, startLoginBot } from "./max-bot.ts";
import { type MaxServer, startMaxServer } from "./max-server.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
const PAGE = "/sandbox/max/id770001_bot";

let server: MaxServer;
let stop: RunningBot;
let browser: Browser;

beforeAll(async () => {
  server = await startMaxServer();
  stop = startLoginBot(server.sandbox);
  browser = await launchChromium();
}, 60_000);

afterAll(async () => {
  await browser.close();
  await stop();
  await server.close();
});

async function openPage(path: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: PHONE, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(`${server.url}${path}`);
  await page.locator("header").waitFor();
  return { page, complaints };
}

function button(page: Page, name: string) {
  return page.getByRole("button", { name, exact: true });
}

async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.CHAT_PAGE_SHOTS;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/max-${name}.png` });
}

describe("the chat page of MAX", { timeout: 30_000 }, () => {
  test("Start begins the dialog without a message of the person; a tap leads on", async () => {
    const { page, complaints } = await openPage(`${PAGE}?start=auths_x1`);
    await page.getByText("No messages yet. Tap Start").waitFor();
    await button(page, "Start").click();
    await button(page, "Login").click();
    const outside = page.getByRole("link", { name: "Go to website" });
    await outside.waitFor();
    expect(await outside.getAttribute("href")).toBe("https://demo.example/callback?code=abc");
    expect(await page.locator(".message.user").count()).toBe(0);
    expect(await page.title()).toBe("Tapin Demo · pretend MAX");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("a link opened in a running dialog offers the text to send, which the bot understands", async () => {
    const { page, complaints } = await openPage(PAGE);
    await button(page, "Start").click();
    await page.getByText("Open the sign-in link.").waitFor();
    await page.goto(`${server.url}${PAGE}?start=auths_second`);
    const offer = page.locator(".offer");
    await offer.getByText("/start auths_second", { exact: true }).waitFor();
    expect(await button(page, "Start").count()).toBe(0);
    expect(await button(page, "Login").count()).toBe(0);
    // It stays until it is used: the person may have looked away.
    await page.reload();
    await offer.waitFor();
    await button(page, "Send the text").click();
    await button(page, "Login").waitFor();
    expect(await offer.count()).toBe(0);
    await page.reload();
    await button(page, "Login").waitFor();
    expect(await offer.count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("a client that tells the bot of the link in a running dialog needs no text", async () => {
    const { page } = await openPage(PAGE);
    await button(page, "Start").click();
    await page.getByText("Open the sign-in link.").waitFor();
    server.sandbox.max.rules.botStarted = "always";
    await page.goto(`${server.url}${PAGE}?start=auths_told`);
    await button(page, "Login").waitFor();
    expect(await page.locator(".offer").count()).toBe(0);
    server.sandbox.max.rules.botStarted = "firstOrRestart";
    await page.context().close();
  });

  test("Stop takes the text field away; the next link starts the bot again with its payload", async () => {
    const { page, complaints } = await openPage(`${PAGE}?start=auths_a`);
    expect(await button(page, "Stop").isDisabled()).toBe(true);
    await button(page, "Start").click();
    const field = page.getByRole("textbox", { name: "Message" });
    await field.waitFor();
    await button(page, "Stop").click();
    await page.locator("main").getByRole("button", { name: "Start again" }).waitFor();
    expect(await field.count()).toBe(0);
    await page.goto(`${server.url}${PAGE}?start=auths_b`);
    await button(page, "Start").click();
    await page.getByText("(auths_b)").waitFor();
    await field.waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test.each([
    ["phone-light-ru", PHONE, "light", "ru-RU", ["Начать", "Войти"]],
    ["phone-dark-en", PHONE, "dark", "en-GB", ["Start", "Login"]],
    ["phone-light-en", PHONE, "light", "en-GB", ["Start", "Login"]],
    ["phone-dark-ru", PHONE, "dark", "ru-RU", ["Начать", "Войти"]],
    ["desktop-light-en", DESKTOP, "light", "en-GB", ["Start", "Login"]],
    ["desktop-dark-ru", DESKTOP, "dark", "ru-RU", ["Начать", "Войти"]],
    ["narrow-light-ru", { width: 320, height: 568 }, "light", "ru-RU", ["Начать", "Войти"]],
  ] as const)(
    "%s fits, and axe finds nothing at any step",
    async (name, viewport, colorScheme, locale, [startLabel, loginLabel]) => {
      const options = { viewport, colorScheme, locale, reducedMotion: "reduce" } as const;
      const { page } = await openPage(`${PAGE}?start=auths_look`, options);
      const check = async (step: string) => {
        await picture(page, `${name}-${step}`);
        expect(await accessibilityProblems(page)).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow).toBe(0);
        const clipped = await page
          .locator(".message")
          .evaluateAll((all) => all.filter((each) => each.scrollHeight > each.clientHeight).length);
        expect(clipped).toBe(0);
      };
      await check("1-opened");
      await button(page, startLabel).click();
      await button(page, loginLabel).waitFor();
      await check("2-prompt");
      await button(page, loginLabel).click();
      await page.locator(".outside").waitFor();
      await check("3-confirmed");
      await page.goto(`${server.url}${PAGE}?start=auths_aBcDeFgH12345678`);
      await page.locator(".offer").waitFor();
      await check("4-link-in-running-dialog");
      await page.locator(".offer button").click();
      await page.locator(".message.user").waitFor();
      await page.locator("summary").click();
      await check("5-person");
      await page.context().close();
    },
  );
});
