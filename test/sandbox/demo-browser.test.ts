// The demo site in real Chromium, against a stand-in for Tapin's API: the login as a person sees
// it, by stream and by polling, how it ends otherwise, and what it survives. The script is the one
// in gen/web.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SessionStatus } from "#gen/tapin/auth/v1/auth_pb.ts";
import { accessibilityProblems, launchChromium } from "../support/chromium.ts";
import { callbackPath, type Stub, type StubSession, startStub } from "./demo-stub.ts";

let browser: Browser;
let stub: Stub;
let context: BrowserContext;
let page: Page;
let problems: string[];

beforeAll(async () => {
  browser = await launchChromium();
}, 60_000);

afterAll(() => browser.close());

beforeEach(async () => {
  stub = await startStub();
  context = await browser.newContext({ locale: "en-US" });
  page = await context.newPage();
  problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) problems.push(message.text());
  });
});

afterEach(async () => {
  await context.close();
  await stub.stop();
  expect(problems).toEqual([]);
});

async function pressLogIn(): Promise<StubSession> {
  const next = stub.nextSession();
  await page.getByRole("button", { name: "Log in with Telegram" }).click();
  const session = await next;
  await page.getByText("Waiting for you to open the bot").waitFor();
  return session;
}

async function arrive(): Promise<void> {
  await page.waitForURL(`${stub.url}/demo/profile`);
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Hello, Anna!");
}

function countRpcs(name: string): number {
  return stub.rpcs.filter((path) => path.endsWith(`/${name}`)).length;
}

const completed = { status: SessionStatus.COMPLETED };

describe("demo page", { timeout: 30_000 }, () => {
  it("goes from the button by stream to the profile in under a second, without polling", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    expect(await page.evaluate("document.activeElement.id")).toBe("panel-title");
    const link = page.getByRole("link", { name: "Open Telegram" });
    expect(await link.getAttribute("href")).toBe(`https://t.me/DemoBot?start=auths_${session.id}`);
    expect(await link.getAttribute("target")).toBe("_blank");
    expect(await page.getByRole("timer").textContent()).toMatch(/^(5:00|4:5\d)$/);
    const qr = page.getByRole("img", { name: "QR code" });
    expect(await qr.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(
      0,
    );

    stub.change(session, { opened: true });
    await page.getByText("Bot opened, now tap Login").waitFor();
    const start = performance.now();
    stub.change(session, completed);
    await arrive();
    expect(performance.now() - start).toBeLessThan(1000);
    expect(countRpcs("WatchSession")).toBe(1);
    expect(countRpcs("GetSessionStatus")).toBe(0);
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
  });

  it("falls back to polling when streaming fails twice, and completes", async () => {
    stub.settings.isStreamBroken = true;
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    await page.waitForResponse((response) => response.url().endsWith("/GetSessionStatus"));
    expect(countRpcs("WatchSession")).toBe(2);
    stub.change(session, completed);
    await arrive();
  });

  it("resumes a stream that drops, from the message it has seen", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    stub.change(session, { opened: true });
    await page.getByText("Bot opened").waitFor();
    const again = page.waitForRequest((request) => request.url().endsWith("/WatchSession"));
    stub.dropConnections();
    const body = (await again).postDataBuffer()?.toString("utf8");
    expect(body).toContain('"afterSequence":2');
    stub.change(session, completed);
    await arrive();
  });

  it("says that the connection is lost, and goes on when it is back", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    await context.setOffline(true);
    stub.dropConnections();
    await page.getByText("Connection lost").waitFor();
    stub.change(session, completed);
    await context.setOffline(false);
    await arrive();
  });

  it("asks at once for the present status when the tab wakes up, not for the next change", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    stub.change(session, { opened: true });
    await page.getByText("Bot opened").waitFor();
    const again = page.waitForRequest((request) => request.url().endsWith("/WatchSession"));
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    const body = (await again).postDataBuffer()?.toString("utf8");
    expect(body).toContain(session.id);
    expect(body).not.toContain("afterSequence");
    stub.change(session, completed);
    await arrive();
  });

  it("resumes after a reload", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    await page.reload();
    await page.getByText("Waiting for you to open the bot").waitFor();
    expect(stub.sessions).toHaveLength(1);
    stub.change(session, completed);
    await arrive();
  });

  it.each([
    [{ status: SessionStatus.EXPIRED }, "Time ran out"],
    [{ status: SessionStatus.CANCELLED }, "Cancelled, not logged in"],
  ])("shows the end %o and starts again", async (change, sentence) => {
    await page.goto(`${stub.url}/demo`);
    stub.change(await pressLogIn(), change);
    await page.getByText(sentence).waitFor();
    expect(await page.getByRole("img", { name: "QR code" }).isVisible()).toBe(false);
    const next = stub.nextSession();
    await page.getByRole("button", { name: "Start again" }).click();
    const second = await next;
    await page.getByText("Waiting for you to open the bot").waitFor();
    stub.change(second, completed);
    await arrive();
  });

  it("cancels the session by its Cancel button", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Cancelled, not logged in").waitFor();
    expect(session.status).toBe(SessionStatus.CANCELLED);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Start again");
  });

  it("logs in when Cancel comes too late", async () => {
    stub.settings.isStreamBroken = true;
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    stub.change(session, completed);
    await page.getByRole("button", { name: "Cancel" }).click();
    await arrive();
  });

  it("starts one session on a double click", async () => {
    await page.goto(`${stub.url}/demo`);
    await page.getByRole("button", { name: "Log in with Telegram" }).dblclick();
    await page.getByText("Waiting for you to open the bot").waitFor();
    expect(stub.sessions).toHaveLength(1);
  });

  it("shows the number to match, big, and says what to do with it", async () => {
    await page.goto(`${stub.url}/demo`);
    await page.getByLabel("Ask me to match a number").check();
    const session = await pressLogIn();
    expect(session.request.match_code).toBe(true);
    const digits = page.getByText("42", { exact: true });
    const size = await digits.evaluate((node) => getComputedStyle(node).fontSize);
    expect(Number.parseFloat(size)).toBeGreaterThanOrEqual(32);
    stub.change(session, { opened: true });
    await page.getByText("tap the number").waitFor();
  });

  it("shows the site's own sentence when a login cannot start or finish", async () => {
    await page.goto(`${stub.url}/demo`);
    stub.settings.restError = { status: 429, code: "rate_limited" };
    await page.getByRole("button", { name: "Log in with Telegram" }).click();
    await page.getByText("Too many logins at this moment").waitFor();
    stub.settings.restError = undefined;
    const next = stub.nextSession();
    await page.getByRole("button", { name: "Start again" }).click();
    stub.change(await next, { ...completed, used: true });
    await page.getByText("already used or took too long").waitFor();
  });

  it("keeps trying to finish while the site's server cannot verify", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    stub.settings.restError = { status: 503, code: "unavailable" };
    stub.change(session, completed);
    await page.getByText("Connection lost").waitFor();
    stub.settings.restError = undefined;
    await arrive();
  });

  it("and the callback URL in another tab both end in the profile (T5)", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    const second = await context.newPage();
    stub.change(session, completed);
    await Promise.all([second.goto(stub.url + callbackPath(session)), arrive()]);
    expect(second.url()).toBe(`${stub.url}/demo/profile`);
    expect(stub.verifies).toHaveLength(1);
  });

  it("finds itself logged in when the callback URL used the code while it slept (T5)", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    const second = await context.newPage();
    await second.goto(stub.url + callbackPath(session));
    expect(second.url()).toBe(`${stub.url}/demo/profile`);
    stub.change(session, { status: SessionStatus.EXPIRED });
    await arrive();
  });

  it("completes although the callback URL opened in another browser (T5)", async () => {
    await page.goto(`${stub.url}/demo`);
    const session = await pressLogIn();
    const other = await browser.newContext({ locale: "ru-RU" });
    const elsewhere = await other.newPage();
    await elsewhere.goto(stub.url + callbackPath(session));
    await elsewhere.getByText("Продолжите там, где начали").waitFor();
    await other.close();
    stub.change(session, completed);
    await arrive();
  });

  it("logs out", async () => {
    await page.goto(`${stub.url}/demo`);
    stub.change(await pressLogIn(), completed);
    await arrive();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(`${stub.url}/demo`);
    await page.getByRole("button", { name: "Log in with Telegram" }).waitFor();
  });
});

describe("demo pages", { timeout: 60_000 }, () => {
  it.each(["light", "dark"] as const)(
    "break no rule of axe-core and fit 360 px, %s",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 740 });
      const check = async (what: string) => {
        expect([what, await accessibilityProblems(page)]).toEqual([what, []]);
        const overflow = "document.documentElement.scrollWidth - innerWidth";
        expect([what, await page.evaluate(overflow)]).toEqual([what, 0]);
      };
      await page.goto(`${stub.url}/demo`);
      await check("start");
      await page.getByLabel("Ask me to match a number").check();
      const session = await pressLogIn();
      await check("waiting");
      stub.change(session, { status: SessionStatus.EXPIRED });
      await page.getByText("Time ran out").waitFor();
      await check("expired");
      const next = stub.nextSession();
      await page.getByRole("button", { name: "Start again" }).click();
      stub.change(await next, completed);
      await arrive();
      await check("profile");
      await page.goto(`${stub.url}/demo`);
      await check("logged in");
      await page.goto(`${stub.url}/demo/callback?code=a&state=b`);
      await check("elsewhere");
    },
  );

  it("can be used with the keyboard alone", async () => {
    await page.goto(`${stub.url}/demo`);
    const next = stub.nextSession();
    await page.getByRole("button", { name: "Log in with Telegram" }).focus();
    await page.keyboard.press("Enter");
    await next;
    await page.getByText("Waiting for you to open the bot").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("link");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.getByText("Cancelled, not logged in").waitFor();
  });
});
