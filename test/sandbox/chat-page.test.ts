// The chat page in a real Chromium: a person starts a bot by a deep link, taps, types, blocks,
// becomes somebody else; by mouse and by keyboard, in two languages, light and dark, on a phone and
// on a desktop, without one complaint of axe.

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityProblems, launchChromium } from "../support/chromium.ts";
import {
  makeLoginBot,
  type SandboxServer,
  startPolling,
  startSandboxServer,
} from "./chat-server.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

let server: SandboxServer;
let stop: () => Promise<void>;
let browser: Browser;

beforeAll(async () => {
  server = await startSandboxServer();
  stop = await startPolling(makeLoginBot(server.sandbox));
  browser = await launchChromium();
}, 60_000);

afterAll(async () => {
  await browser.close();
  await stop();
  await server.close();
});

const PAGE = "/sandbox/telegram/TapinDemoBot";

/**
 * A page of a new browser profile; `complaints` gathers every error and every breach of the policy.
 */
async function openPage(
  path: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: PHONE, locale: "en-GB", ...options });
  const page = await context.newPage();
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

describe("the chat page", { timeout: 30_000 }, () => {
  test("opening a deep link starts nothing; START does, and a tap leads on", async () => {
    const { page, complaints } = await openPage(`${PAGE}?start=auths_x1`);
    await page.getByText("No messages yet").waitFor();
    const id = await page.locator('input[name="id"]').inputValue();
    await expect(server.sandbox.getChat({ channel: "telegram", userId: id })).rejects.toMatchObject(
      { kind: "not_found" },
    );
    await button(page, "START").click();
    await page.getByText("/start auths_x1").waitFor();
    await button(page, "Login").click();
    const outside = page.getByRole("link", { name: "Go to website" });
    await outside.waitFor();
    expect(await outside.getAttribute("href")).toBe("https://demo.example/callback?code=abc");
    expect(await outside.getAttribute("target")).toBe("_blank");
    expect(await outside.getAttribute("rel")).toBe("noopener noreferrer");
    expect(await button(page, "Login").count()).toBe(0);
    await page.reload();
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("a text is sent by Enter, shown as it is, and never becomes markup", async () => {
    const { page, complaints } = await openPage(PAGE);
    await button(page, "START").click();
    const field = page.getByRole("textbox", { name: "Message" });
    await field.fill("<img src=x onerror=alert(1)> https://example.org/a.");
    await field.press("Enter");
    await page.getByText("You said: <img src=x onerror=alert(1)>").waitFor();
    expect(await page.locator("img").count()).toBe(0);
    const link = page.getByRole("link", { name: "https://example.org/a" }).first();
    expect(await link.getAttribute("href")).toBe("https://example.org/a");
    expect(await field.inputValue()).toBe("");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("shows what happens elsewhere within two seconds, without stealing the focus", async () => {
    const { page } = await openPage(PAGE);
    await button(page, "START").click();
    const field = page.getByRole("textbox", { name: "Message" });
    await field.waitFor();
    await field.focus();
    const id = await page.locator('input[name="id"]').inputValue();
    await server.call("sendMessage", { chat_id: id, text: "from elsewhere" });
    await page.getByText("from elsewhere").waitFor({ timeout: 2000 });
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.context().close();
  });

  test("the whole way by keyboard; the focus stays on the message that changed", async () => {
    const { page } = await openPage(`${PAGE}?start=auths_key`);
    await page.locator("summary").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await button(page, "Login").waitFor();
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Go to website" }).waitFor();
    const focused = page.locator(":focus");
    expect(await focused.textContent()).toContain("Confirmed");
    await page.keyboard.press("Tab");
    expect(await focused.getAttribute("href")).toContain("demo.example");
    await page.context().close();
  });

  test("blocking takes the text field away, unblocking gives it back", async () => {
    const { page, complaints } = await openPage(PAGE);
    expect(await button(page, "Block").isDisabled()).toBe(true);
    await button(page, "START").click();
    const field = page.getByRole("textbox", { name: "Message" });
    await field.waitFor();
    const id = await page.locator('input[name="id"]').inputValue();
    await button(page, "Block").click();
    await page.locator("main").getByRole("button", { name: "Unblock" }).waitFor();
    expect(await field.count()).toBe(0);
    expect(await server.call("sendMessage", { chat_id: id, text: "hi" })).toMatchObject({
      error_code: 403,
    });
    await page.locator("main").getByRole("button", { name: "Unblock" }).click();
    await field.waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("the person can be changed, is kept, and speaks to the bot in their language", async () => {
    const { page, complaints } = await openPage(`${PAGE}?start=auths_ru`);
    await page.locator("summary").click();
    await page.getByLabel("User id").fill("900100");
    await page.getByLabel("First name").fill("Борис");
    await page.getByLabel("Last name").fill("Котов");
    await page.getByLabel("Username").fill("boris_k");
    await page.getByLabel("Language").selectOption("ru");
    await button(page, "Save").click();
    await page.locator("summary", { hasText: "Вы: Борис Котов" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("ru");
    await button(page, "СТАРТ").click();
    await button(page, "Войти").waitFor();
    const known = await server.call("getChat", { chat_id: 900100 });
    expect(known.result).toMatchObject({ first_name: "Борис", username: "boris_k" });
    await page.reload();
    await page.locator("summary", { hasText: "Борис Котов" }).waitFor();
    await page.locator("summary").click();
    await button(page, "Другой человек").click();
    await page.locator("summary", { hasText: "Вы: Анна" }).waitFor();
    expect(await page.locator('input[name="id"]').inputValue()).not.toBe("900100");
    await page.getByText("Сообщений пока нет").waitFor();
    // An id that somebody types may be known, so the page asks.
    expect(complaints.filter((complaint) => !complaint.includes("404"))).toEqual([]);
    await page.context().close();
  });

  test("says when the service does not answer, and goes on by itself", async () => {
    const { page } = await openPage(PAGE);
    await button(page, "START").click();
    await button(page, "Login").waitFor();
    await page.route("**/v1/sandbox/**", (route) => route.abort());
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "does not answer" }).waitFor();
    await page.unroute("**/v1/sandbox/**");
    await alert.filter({ hasText: /^$/ }).waitFor({ state: "attached" });
    await page.context().close();
  });

  test.each([
    ["phone-light-ru", PHONE, "light", "ru-RU", ["СТАРТ", "Войти"]],
    ["phone-dark-en", PHONE, "dark", "en-GB", ["START", "Login"]],
    ["desktop-light-en", DESKTOP, "light", "en-GB", ["START", "Login"]],
    ["desktop-dark-ru", DESKTOP, "dark", "ru-RU", ["СТАРТ", "Войти"]],
    ["narrow-light-ru", { width: 360, height: 640 }, "light", "ru-RU", ["СТАРТ", "Войти"]],
  ] as const)(
    "%s fits, and axe finds nothing at any step",
    async (_name, viewport, colorScheme, locale, steps) => {
      const options = { viewport, colorScheme, locale, reducedMotion: "reduce" } as const;
      const { page } = await openPage(`${PAGE}?start=auths_look`, options);
      const check = async (step: string) => {
        expect([step, await accessibilityProblems(page)]).toEqual([step, []]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow).toBe(0);
      };
      await check("1-opened");
      await button(page, steps[0]).click();
      await button(page, steps[1]).waitFor();
      await check("2-prompt");
      await button(page, steps[1]).click();
      await page.locator(".outside").waitFor();
      await check("3-confirmed");
      await page.locator("summary").click();
      await check("4-person");
      await page.context().close();
    },
  );

  test("the index fits and axe finds nothing", async () => {
    const page = await browser.newPage({ viewport: PHONE });
    const russian = { headers: { "accept-language": "ru-RU,en;q=0.5" } };
    expect(await (await fetch(`${server.url}/sandbox/`, russian)).text()).toContain('lang="ru"');
    await page.goto(`${server.url}/sandbox/`);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole("link", { name: "@TapinDemoBot" }).click();
    await page.locator("header").waitFor();
    await page.close();
  });
});
