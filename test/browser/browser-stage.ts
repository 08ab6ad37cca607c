// The stage of the browser stories: the whole service as a process, a Chromium, and browser
// profiles in which somebody uses the demo website and the chat page by what they read there. With
// the environment variable SCREENSHOTS set to a folder, `picture` leaves pictures in it.

import { mkdir } from "node:fs/promises";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { type Lang, type Texts, textsIn } from "../../src/sandbox/demo/texts.ts";
import { type ChatTexts, textsFor } from "../../src/web/chat-texts.ts";
import { launchChromium } from "../support/chromium.ts";
import { startTapin, type Tapin, type TapinOptions } from "../support/tapin.ts";

/** A phone and a desktop, in CSS pixels. */
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** The service and a browser. */
export interface BrowserStage {
  readonly tapin: Tapin;
  /**
   * A browser nobody has used yet; closed by its `leave`. Desktop and English unless told
   * otherwise.
   */
  newcomer(options?: BrowserContextOptions): Promise<Newcomer>;
  stop(): Promise<void>;
}

/** A browser profile and the person in front of it. */
export interface Newcomer {
  readonly context: BrowserContext;
  readonly lang: Lang;
  readonly site: Texts;
  readonly chat: ChatTexts;
  /** A tab on the demo website. */
  visit(path?: string): Promise<Page>;
  /** A tab on the demo website with a login under way, through Telegram unless told otherwise. */
  startLogin(options?: LoginOptions): Promise<Page>;
  /** Clicks the link to the bot there: the tab with the chat, before START. */
  openLink(page: Page): Promise<Page>;
  /** Clicks the link to the bot and taps START: the tab with the chat and the prompt. */
  openBot(page: Page): Promise<Page>;
  /** Closes the browser; fails when a page had an error or broke its policy. */
  leave(): Promise<void>;
}

/** How a login begins. */
export interface LoginOptions {
  readonly matchNumber?: boolean;
  readonly channel?: "telegram" | "max";
}

/** Starts the service, and a browser. */
export async function startBrowserStage(options: TapinOptions = {}): Promise<BrowserStage> {
  const [tapin, browser] = await Promise.all([startTapin(options), launchChromium()]);
  return {
    tapin,
    newcomer: (settings = {}) => newcomer(browser, tapin.url, settings),
    async stop() {
      await browser.close();
      expect(await tapin.end()).toBe(0);
    },
  };
}

/** A button by the whole of its text. */
export function button(page: Page, name: string) {
  return page.getByRole("button", { name, exact: true });
}

/** Leaves a picture of the page, all of it, when SCREENSHOTS names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const { SCREENSHOTS: folder = "" } = process.env;
  if (folder === "") return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true, animations: "disabled" });
}

/** Holds requests of the page to such addresses until the answer is called. */
export async function hold(page: Page, pattern: string): Promise<() => Promise<void>> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(pattern, async (route) => {
    await promise;
    await route.continue();
  });
  return async () => resolve();
}

async function newcomer(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
): Promise<Newcomer> {
  const lang: Lang = options.locale?.startsWith("ru") ? "ru" : "en";
  const settings = { viewport: DESKTOP, locale: "en-GB", baseURL: url, ...options };
  const context = await browser.newContext(settings);
  const site = textsIn(lang);
  const chat = textsFor(lang);
  const complaints = listen(context);
  const visit = async (path = "/demo") => {
    const page = await context.newPage();
    await page.goto(path);
    return page;
  };
  const openLink = async (page: Page) => {
    const opened = context.waitForEvent("page");
    const names = new RegExp(`^(${site.openTelegram}|${site.openMax})`);
    await page.getByRole("link", { name: names }).click();
    const tab = await opened;
    await startButton(tab, lang).waitFor();
    return tab;
  };
  return {
    context,
    lang,
    site,
    chat,
    visit,
    openLink,
    async startLogin({ matchNumber = false, channel = "telegram" } = {}) {
      const page = await visit();
      if (matchNumber) await page.getByLabel(site.matchLabel).check();
      await button(page, channel === "max" ? site.loginMax : site.loginTelegram).click();
      await page.getByText(site.waiting).waitFor();
      return page;
    },
    async openBot(page) {
      const tab = await openLink(page);
      await startButton(tab, lang).click();
      await tab.locator(".key").first().waitFor();
      return tab;
    },
    async leave() {
      await context.close();
      expect(complaints).toEqual([]);
    },
  };
}

/** The button that begins the chat, as its messenger calls it. */
function startButton(tab: Page, lang: Lang) {
  const messenger = tab.url().includes("/sandbox/max/") ? "max" : "telegram";
  return button(tab, textsFor(lang, messenger).start);
}

/** Gathers errors of scripts and breaches of the pages' policies, in every tab. */
function listen(context: BrowserContext): readonly string[] {
  const complaints: string[] = [];
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("console", (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text());
  });
  return complaints;
}
