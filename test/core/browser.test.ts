// Real User-Agent headers, as the prompt names them to a person.

import { describe, expect, it } from "vitest";
import { browserName } from "../../src/core/browser.ts";

const AGENTS: readonly (readonly [name: string, agent: string])[] = [
  [
    "Chrome on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  ],
  ["Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"],
  [
    "Safari on macOS",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
  ],
  [
    "Safari on iOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  ],
  [
    "Chrome on Android",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
  ],
  [
    "Microsoft Edge on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
  ],
  [
    "Yandex Browser on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
  ],
  [
    "Samsung Internet for Android on Android",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
  ],
];

describe("browserName", () => {
  it.each(AGENTS)("tells %s", (name, agent) => {
    expect(browserName(agent)).toBe(name);
  });

  it.each([null, "", "   "])("tells nothing for %j", (agent) => {
    expect(browserName(agent)).toBeNull();
  });

  it("shows nothing of what a hostile header says beside a browser's name", () => {
    const hostile = 'Bank" <script>alert(1)</script> \u202e (your own phone)';
    expect(browserName(hostile) ?? "").not.toMatch(/script|Bank|own phone|\u202e/);
  });
});
