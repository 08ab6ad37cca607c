// /docs in a real browser: readable on a phone and on a desktop, light and dark, without a script,
// without asking anybody but the service, and without one complaint of axe-core. With SCREENSHOTS
// set to a folder, pictures are left there.

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessibilityProblems, launchChromium } from "../support/chromium.ts";
import { OPERATIONS } from "../support/openapi.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";
import { DESKTOP, PHONE, picture } from "./browser-stage.ts";

/** Milliseconds that two services may take to start, on a machine that is busy. */
const START_MS = 120_000;

let tapin: Tapin;
let browser: Browser;
beforeAll(async () => {
  [tapin, browser] = await Promise.all([startTapin(), launchChromium()]);
}, START_MS);
afterAll(async () => {
  await browser?.close();
  await tapin?.end();
});

const LOOKS = [
  ["phone-light", PHONE, "light"],
  ["phone-dark", PHONE, "dark"],
  ["small-light", { width: 320, height: 640 }, "light"],
  ["desktop-light", DESKTOP, "light"],
  ["desktop-dark", DESKTOP, "dark"],
] as const;

/** Opens the page; what it asked for and what it complained of. */
async function open(options: BrowserContextOptions): Promise<{
  page: Page;
  asked: readonly string[];
  complaints: readonly string[];
}> {
  const context = await browser.newContext(options);
  const asked: string[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => asked.push(request.url()));
  context.on("console", (message) => complaints.push(message.text()));
  context.on("weberror", (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  await page.goto(`${tapin.url}/docs`);
  return { page, asked, complaints };
}

it.each(LOOKS)("the page on %s", { timeout: 60_000 }, async (name, viewport, colorScheme) => {
  const { page, asked, complaints } = await open({
    viewport,
    colorScheme,
    javaScriptEnabled: true,
  });
  await picture(page, `docs-${name}`);
  expect(await accessibilityProblems(page)).toEqual([]);
  // Everything that can be opened, open.
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  await picture(page, `docs-${name}-open`);
  expect(await accessibilityProblems(page)).toEqual([]);
  const tooWide = await page.evaluate(() =>
    [...document.querySelectorAll("html, body *")]
      .filter(({ scrollWidth, clientWidth }) => clientWidth > 1 && scrollWidth > clientWidth)
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  expect(tooWide).toEqual([]);
  expect(complaints).toEqual([]);
  const paths = asked.filter((url) => !url.startsWith("data:"));
  expect(paths).toEqual([`${tapin.url}/docs`, `${tapin.url}/docs/style.css`]);
  await page.context().close();
});

it("the page without scripts has every operation, and its contents lead there", async () => {
  const { page } = await open({ viewport: DESKTOP, javaScriptEnabled: false });
  for (const { operation, method, path } of OPERATIONS) {
    const id = String(operation.operationId);
    const name = id.charAt(0).toUpperCase() + id.slice(1);
    await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
    expect(new URL(page.url()).hash).toBe(`#${id}`);
    const article = page.getByRole("article", { name, exact: true });
    await article.getByRole("heading", { level: 3, name, exact: true }).waitFor();
    expect(await article.locator(".route").textContent()).toBe(`${method} ${path}`);
    const [sample] = operation["x-codeSamples"] as readonly { source: string }[];
    expect(await article.locator("pre").first().textContent()).toBe(sample?.source);
  }
  await page.context().close();
});
