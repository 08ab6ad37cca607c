// The login through MAX as a person sees it: by the link, and by the text that stands for it in a
// chat that runs already.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TEXTS } from "../../src/channels/messages.ts";
import { type BrowserStage, button, type Newcomer, startBrowserStage } from "./browser-stage.ts";

const LOGIN = TEXTS.buttonLogin.en;

describe("the login through MAX in a browser", { timeout: 60_000 }, () => {
  let stage: BrowserStage;
  beforeAll(async () => {
    stage = await startBrowserStage();
  });
  afterAll(() => stage.stop());

  it("goes by the link to a profile that says MAX", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin({ channel: "max" });
    const link = page.getByRole("link", { name: anna.site.openMax });
    expect(await link.getAttribute("href")).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/sandbox\/max\/\w+\?start=auths_\w{16}$/,
    );
    const chat = await anna.openBot(page);
    await page.getByText(anna.site.opened).waitFor();
    await button(chat, LOGIN).click();
    await arrive(page, anna);
    await anna.leave();
  });

  it("goes by the copied text where the chat runs already and the link does nothing", async () => {
    const anna = await stage.newcomer();
    const before = await anna.startLogin({ channel: "max" });
    const chat = await anna.openBot(before);
    await button(chat, LOGIN).click();
    await arrive(before, anna);
    await button(before, anna.site.logOut).click();

    const page = await anna.startLogin({ channel: "max" });
    await anna.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByText(anna.site.typedStart).waitFor();
    await button(page, anna.site.copy).click();
    await page.getByRole("status").filter({ hasText: anna.site.copied }).waitFor();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    const href = await page.getByRole("link", { name: anna.site.openMax }).getAttribute("href");
    expect(text).toBe(`/start ${new URL(href ?? "").searchParams.get("start")}`);
    expect(await page.locator("#typed-text").textContent()).toBe(text);

    const field = chat.getByRole("textbox", { name: anna.chat.placeholder });
    await field.fill(text);
    await field.press("Enter");
    await page.getByText(anna.site.opened).waitFor();
    await button(chat, LOGIN).last().click();
    await arrive(page, anna);
    await anna.leave();
  });

  it("selects the text where the browser lets nothing be copied", async () => {
    const anna = await stage.newcomer();
    await anna.context.addInitScript(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
    });
    const page = await anna.startLogin({ channel: "max" });
    await button(page, anna.site.copy).click();
    await page.getByText(anna.site.notCopied).waitFor();
    const selected = await page.evaluate(() => String(getSelection()));
    expect(selected).toMatch(/^\/start auths_\w{16}$/);
    await anna.leave();
  });

  it("says nothing of a text to send in Telegram, where the link always works", async () => {
    const anna = await stage.newcomer();
    const page = await anna.startLogin();
    expect(await page.locator("#typed-start").isVisible()).toBe(false);
    await anna.leave();
  });
});

async function arrive(page: Page, { chat, site }: Newcomer): Promise<void> {
  await page.getByRole("heading", { name: `${site.hello}, ${chat.defaultName}!` }).waitFor();
  expect(await page.locator("dd").first().textContent()).toBe("MAX");
}
