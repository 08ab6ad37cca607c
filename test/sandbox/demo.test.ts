// The demo site's pages over a real socket, against a stand-in for Tapin's API: what they show, in
// which language, with which headers, and what people are told when something fails. Logging in:
// demo-login.test.ts; the script: demo-browser.test.ts.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bundleEntry } from "../../scripts/build-web.ts";
import { createDemo } from "../../src/sandbox/demo/demo.ts";
import { callbackPath, createBrowser, type Stub, startLogin, startStub } from "./demo-stub.ts";

let stub: Stub;

beforeEach(async () => {
  stub = await startStub();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await stub.stop();
});

describe("GET /demo", () => {
  it("shows a button for each messenger the API has a link for, and sets no cookie", async () => {
    const telegramOnly = await createBrowser(stub).get("/demo");
    expect(telegramOnly.status).toBe(200);
    expect(telegramOnly.headers.get("set-cookie")).toBeNull();
    const html = await telegramOnly.text();
    expect(html).toContain("Log in with Telegram</button>");
    expect(html).not.toContain("Log in with MAX</button>");

    stub.settings.links = { telegram: false, max: true };
    const maxOnly = await (await createBrowser(stub).get("/demo")).text();
    expect(maxOnly).toContain("Log in with MAX</button>");
    expect(maxOnly).not.toContain("Log in with Telegram</button>");

    stub.settings.links = { telegram: false, max: false };
    expect(await (await createBrowser(stub).get("/demo")).text()).toContain(
      "No messenger is connected",
    );
  });

  it.each([
    ["ru-RU,ru;q=0.9,en;q=0.8", "ru"],
    ["en-US,en;q=0.9,ru;q=0.8", "en"],
    ["de, ru;q=0.2, en;q=0.1", "ru"],
    ["ru;q=0, de", "en"],
    ["de", "en"],
  ])("speaks the preferred language: %s", async (header, lang) => {
    const response = await createBrowser(stub).get("/demo", { "accept-language": header });
    expect(await response.text()).toContain(`<html lang="${lang}">`);
    expect(response.headers.get("vary")).toBe("Accept-Language");
  });

  it.each([
    "/demo",
    "/demo/profile",
    "/demo/callback?code=a&state=b",
    "/demo/nothing",
    "/demo/assets/demo.js",
  ])("sends the security headers with %s", async (path) => {
    const { headers } = await createBrowser(stub).get(path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    const caching = path.includes("assets") ? "no-cache" : "no-store";
    expect(headers.get("cache-control")).toBe(caching);
  });

  it("says in a sentence that the API is down, and reports it", async () => {
    stub.settings.restError = { status: 503, code: "unavailable" };
    const response = await createBrowser(stub).get("/demo");
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("The login service does not answer.");
    expect(stub.failures).toHaveLength(1);
  });

  it("waits 10 s for the API and not longer", async () => {
    stub.settings.isHanging = true;
    const timeout = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => {
      return AbortSignal.abort(new DOMException("too late", "TimeoutError"));
    });
    const response = await createBrowser(stub).get("/demo");
    expect(response.status).toBe(503);
    expect(timeout).toHaveBeenCalledExactlyOnceWith(10_000);
  });
});

describe("GET /demo/profile", () => {
  it("leads to the start page when nobody is logged in", async () => {
    const response = await createBrowser(stub).get("/demo/profile");
    expect([response.status, response.headers.get("location")]).toEqual([303, "/demo"]);
  });

  it("escapes what the messenger says, and loads pictures by https or from this machine only", async () => {
    const browser = createBrowser(stub);
    const avatar = 'javascript:alert("1")';
    stub.settings.profile = { first_name: `<b onclick="x">'&`, avatar_url: avatar, tags: ["<i>"] };
    await browser.get(callbackPath(await startLogin(stub, browser)));
    const html = await (await browser.get("/demo/profile")).text();
    expect(html).toContain("Hello, &lt;b onclick=&quot;x&quot;&gt;&#39;&amp;!");
    expect(html).not.toMatch(/<b |<i>|javascript:/);

    stub.settings.profile = { avatar_url: "http://img.example/a.jpg" };
    await browser.get(callbackPath(await startLogin(stub, browser)));
    expect(await (await browser.get("/demo/profile")).text()).not.toContain("img.example");

    // This machine's own, as a Tapin without https gives it.
    stub.settings.profile = { avatar_url: "http://127.0.0.1:8080/avatars/abc" };
    await browser.get(callbackPath(await startLogin(stub, browser)));
    const own = await (await browser.get("/demo/profile")).text();
    expect(own).toContain('src="http://127.0.0.1:8080/avatars/abc"');

    stub.settings.profile = { avatar_url: "https://img.example/a.jpg?a=1&b=2" };
    await browser.get(callbackPath(await startLogin(stub, browser)));
    const next = await (await browser.get("/demo/profile")).text();
    expect(next).toContain('src="https://img.example/a.jpg?a=1&amp;b=2"');
  });

  it("ends with Log out, for good", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const before = browser.cookie();
    await browser.get(callbackPath(session));
    const loggedIn = browser.cookie();
    expect(await (await browser.get("/demo")).text()).toContain("You are logged in");
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: "null" };
    const response = await browser.post("/demo/logout", "", headers);
    expect([response.status, response.headers.get("location")]).toEqual([303, "/demo"]);
    expect(response.headers.get("set-cookie")).toContain("Max-Age=0");
    for (const cookie of [before, loggedIn]) {
      expect((await createBrowser(stub).get("/demo/profile", { cookie })).status).toBe(303);
      expect((await createBrowser(stub).get(callbackPath(session), { cookie })).status).not.toBe(
        303,
      );
    }
  });
});

describe("handle", () => {
  it("answers unknown paths with 404 and other methods with 405 and Allow", async () => {
    for (const path of ["/demo/", "/demo/nothing", "/demo/assets/..%2f..%2fpackage.json"]) {
      const response = await createBrowser(stub).get(path);
      expect([path, response.status]).toEqual([path, 404]);
    }
    const post = await createBrowser(stub).post("/demo", {});
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    const get = await createBrowser(stub).get("/demo/login");
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("answers HEAD like GET without the body", async () => {
    const response = await fetch(`${stub.url}/demo`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get("content-length"))).toBeGreaterThan(1000);
    expect(await response.text()).toBe("");
  });

  it("answers over HTTP/2 too", async () => {
    const options = { apiUrl: () => stub.url, publicUrl: () => stub.url, apiKey: stub.apiKey };
    const demo = createDemo(options);
    const server = createServer((request, response) => void demo.handle(request, response));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = client.request({
      ":method": "POST",
      ":path": "/demo/login",
      "content-type": "application/json",
      origin: stub.url,
    });
    stream.end("{}");
    const [headers] = await once(stream, "response");
    expect([headers[":status"], JSON.parse(await text(stream))]).toMatchObject([
      200,
      { session_id: stub.sessions[0]?.id },
    ]);
    expect(stub.sessions[0]?.request.client).toMatchObject({ ip: "127.0.0.1" });
    client.close();
    server.close();
    await once(server, "close");
  });

  it("serves the stylesheet and the script, which is the bundle of the present sources", async () => {
    const script = await createBrowser(stub).get("/demo/assets/demo.js");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const source = await script.text();
    expect(source === (await bundleEntry("demo")), "run scripts/build-web.ts").toBe(true);
    expect(source).not.toContain(process.cwd());
    const style = await createBrowser(stub).get("/demo/assets/demo.css");
    expect(style.headers.get("content-type")).toBe("text/css; charset=utf-8");
    const css = ["palette", "demo"].map((name) =>
      readFile(new URL(`../../src/web/${name}.css`, import.meta.url), "utf8"),
    );
    expect(await style.text()).toBe((await Promise.all(css)).join("\n"));
  });
});
