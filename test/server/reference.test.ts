// The document and its page as they are served: with the public URL, with SandboxService only where
// it is, to be kept by caches that ask again, and under a policy that lets nothing from elsewhere
// in.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

/** Milliseconds that two services may take to start, on a machine that is busy. */
const START_MS = 120_000;

const PUBLIC_URL = "https://tapin.example.org/login&more$&";

describe.each(RUNTIMES)("on %s", (runtime) => {
  let tapin: Tapin;
  let real: Tapin;
  /** Where this machine reaches the one with another public URL. */
  let realUrl: string;
  beforeAll(async () => {
    const port = await freePort();
    realUrl = `http://127.0.0.1:${port}`;
    const env = { TAPIN_PORT: port, TAPIN_SANDBOX: "off", TAPIN_PUBLIC_URL: PUBLIC_URL };
    [tapin, real] = await Promise.all([startTapin({ runtime }), startTapin({ runtime, env })]);
  }, START_MS);
  afterAll(() => Promise.all([tapin?.end(), real?.end()]));

  it("GET /openapi.json names the public URL as its only server", async () => {
    for (const [at, url] of [
      [tapin.url, tapin.url],
      [realUrl, PUBLIC_URL],
    ] as const) {
      const response = await fetch(`${at}/openapi.json`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/json");
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ openapi: "3.1.1", servers: [{ url }] });
      expect(text).not.toContain("login.example.com");
    }
  });

  it("SandboxService is in the document and on the page only while the sandbox is on", async () => {
    const tagsOf = async (url: string) => {
      const { tags, paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
        tags: { name: string }[];
        paths: object;
      };
      const page = await (await fetch(`${url}/docs`)).text();
      return {
        tags: tags.map(({ name }) => name),
        sandboxPaths: Object.keys(paths).some((path) => path.startsWith("/v1/sandbox/")),
        onPage: page.includes("SandboxService"),
      };
    };
    const always = ["AuthService", "AdminService"];
    expect(await tagsOf(tapin.url)).toEqual({
      tags: [...always, "SandboxService"],
      sandboxPaths: true,
      onPage: true,
    });
    expect(await tagsOf(realUrl)).toEqual({ tags: always, sandboxPaths: false, onPage: false });
  });

  it("GET /docs is a page without a script, with the public URL as text", async () => {
    const response = await fetch(`${realUrl}/docs`);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'self'; .*frame-ancestors 'none'$/,
    );
    const page = await response.text();
    expect(page).toContain(
      "export TAPIN=&#39;https://tapin.example.org/login&amp;more$&amp;&#39;\n",
    );
    expect(page).not.toMatch(/<script| style=|<(?:link|img)[^>]+"https?:/);
  });

  it.each(["/openapi.json", "/docs", "/docs/style.css"])(
    "%s is kept by caches that ask again: 304 while it is the same",
    async (path) => {
      const first = await fetch(tapin.url + path);
      const tag = first.headers.get("etag") ?? "";
      expect(tag).toMatch(/^"[\w-]{43}"$/);
      expect(first.headers.get("cache-control")).toBe("no-cache");
      await first.arrayBuffer();
      const ask = (value: string) =>
        fetch(tapin.url + path, {
          headers: { "if-none-match": value, "cache-control": "no-cache" },
        });
      for (const value of [tag, `W/${tag}`, `"other", ${tag}`]) {
        const again = await ask(value);
        expect([again.status, await again.text()]).toEqual([304, ""]);
      }
      const changed = await ask('"other"');
      expect(changed.status).toBe(200);
      await changed.arrayBuffer();
    },
  );

  it("HEAD answers without a body, and other methods are refused with Allow", async () => {
    const head = await fetch(`${tapin.url}/openapi.json`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(10_000);
    const refused = await fetch(`${tapin.url}/docs`, { method: "POST" });
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD");
    expect(await refused.json()).toMatchObject({ code: "method_not_allowed" });
  });
});
