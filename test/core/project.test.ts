// The rules for a project's URLs (T15), each told in a sentence, and the address a browser lands
// on.

import { describe, expect, it } from "vitest";
import {
  displayHost,
  isLoopback,
  isSlug,
  landingUrl,
  landingUrlProblem,
  originUrlProblem,
  type Project,
  URL_LIMIT,
} from "../../src/core/project.ts";

const longUrl = (length: number) => "https://example.com/".padEnd(length, "a");

describe("T15: landingUrlProblem", () => {
  it.each([
    "https://example.com/login",
    "https://example.com",
    "https://sub.example.com:8443/a/b?x=1&y=2",
    "https://xn--e1afmkfd.xn--p1ai/login",
    "https://127.0.0.1/login",
    "http://127.0.0.1:3000/callback",
    "http://127.8.9.10/",
    "http://[::1]:3000/callback",
    longUrl(URL_LIMIT),
  ])("takes %s", (url) => {
    expect(landingUrlProblem(url)).toBeNull();
  });

  it.each([
    ["", /absolute URL such as https:/],
    ["/login", /absolute URL/],
    ["example.com/login", /absolute URL/],
    ["//example.com/login", /absolute URL/],
    [" https://example.com", /absolute URL/],
    ["https://example.com/a b", /absolute URL/],
    ["https://exam\tple.com/", /absolute URL/],
    ["https://example.com/\n", /absolute URL/],
    ["https://example.com/\u0000", /absolute URL/],
    ["https://пример.рф/login", /absolute URL/],
    ["https://example.com/вход", /absolute URL/],
    ["https://example.com\u202e/", /absolute URL/],
    ["https://", /absolute URL/],
    ["https://*.example.com/login", /absolute URL/],
    ["https://example.com:99999/", /absolute URL/],
    ["https://user@example.com/", /user name or password/],
    ["https://user:secret@example.com/", /user name or password/],
    ["https://example.com@evil.org/", /user name or password/],
    ["https://example.com/#part", /fragment/],
    ["https://example.com/#", /fragment/],
    [longUrl(URL_LIMIT + 1), /at most 1600 characters/],
    ["http://localhost:3000/callback", /localhost.*use 127\.0\.0\.1 instead/],
    ["https://localhost/", /localhost/],
    ["http://LOCALHOST/", /localhost/],
    ["http://app.localhost:3000/", /localhost/],
    ["http://example.com/login", /must be https/],
    ["http://10.0.0.1/login", /must be https/],
    ["http://127.0.0.1.evil.org/", /must be https/],
    ["http://[::2]/", /must be https/],
    ["javascript:alert(1)", /must be https/],
    ["data:text/html,hello", /must be https/],
    ["ftp://example.com/", /must be https/],
    ["myapp://login", /must be https/],
    ["https://intranet/login", /host with a dot/],
    ["https:example.com", /written plainly/],
    ["https:\\\\example.com", /written plainly/],
    ["https://example.com\\@evil.org/", /written plainly/],
    ["https://a..b/", /written plainly/],
    ["http://2130706433/", /written plainly/],
    ["https://example.com/?code=1", /code or state/],
    ["https://example.com/?a=1&state=2", /code or state/],
  ])("refuses %j", (url, sentence) => {
    expect(landingUrlProblem(url)).toMatch(sentence);
  });

  it.each(["https://localhost./", "http://localhost./", "https://intranet./login"])(
    "is not fooled by a dot at the end of %s",
    (url) => {
      expect(landingUrlProblem(url)).not.toBeNull();
    },
  );
});

describe("T15: originUrlProblem", () => {
  it.each([
    "https://example.com",
    "https://example.com:8443",
    "http://localhost:5173",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    "HTTPS://Example.COM",
  ])("takes %s", (origin) => {
    expect(originUrlProblem(origin)).toBeNull();
  });

  it.each([
    ["", /must be an origin such as https:/],
    ["*", /must be an origin/],
    ["null", /must be an origin/],
    ["example.com", /must be an origin/],
    ["https://пример.рф", /must be an origin/],
    ["https://example.com/", /only, such as https:\/\/example\.com$/],
    ["https://example.com/app", /only, such as https:\/\/example\.com$/],
    ["https://example.com?x=1", /only/],
    ["https://example.com#x", /only/],
    ["https://user@example.com", /only/],
    ["https://example.com:443", /only, such as https:\/\/example\.com$/],
    ["http://example.com:80", /only/],
    ["https://*.example.com", /must be an origin/],
    ["javascript:alert(1)", /http or https/],
    ["ftp://example.com", /http or https/],
    ["chrome-extension://abcdef", /http or https/],
    ["file:///tmp", /http or https/],
  ])("refuses %j", (origin, sentence) => {
    expect(originUrlProblem(origin)).toMatch(sentence);
  });
});

describe("isLoopback", () => {
  it.each(["127.0.0.1", "127.255.255.254", "[::1]", "localhost"])("%s is", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(["0.0.0.0", "128.0.0.1", "127.0.0.1.evil.org", "x127.0.0.1", "[::]", "localhost.org"])(
    "%s is not",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe("isSlug", () => {
  it.each(["a", "my-app", "0", "a".repeat(59)])("%s is", (text) => expect(isSlug(text)).toBe(true));

  it.each(["", "A", "my_app", "my app", "a".repeat(60), "a\n", "ä", "a/b", "."])(
    "%j is not",
    (text) => expect(isSlug(text)).toBe(false),
  );
});

describe("landingUrl", () => {
  const answer = { code: "C_-1", state: "s&t=1" };

  it.each([
    ["https://a.example/login", "https://a.example/login?code=C_-1&state=s%26t%3D1"],
    [
      "https://a.example/login?x=1&y=%20",
      "https://a.example/login?x=1&y=%20&code=C_-1&state=s%26t%3D1",
    ],
    ["https://a.example/login?", "https://a.example/login?code=C_-1&state=s%26t%3D1"],
    ["https://a.example/login?x=1&", "https://a.example/login?x=1&code=C_-1&state=s%26t%3D1"],
    ["https://a.example", "https://a.example?code=C_-1&state=s%26t%3D1"],
  ])("adds code and state to %s", (base, url) => {
    expect(landingUrl(base, answer)).toBe(url);
  });

  it("leaves the state out when the site gave none", () => {
    expect(landingUrl("https://a.example/x", { code: "c", state: null })).toBe(
      "https://a.example/x?code=c",
    );
  });
});

describe("displayHost", () => {
  const project: Project = {
    id: "1",
    slug: "a",
    name: "A",
    callbackUrl: "https://callback.example/x",
    originUrl: "https://origin.example:8443",
    redirectUris: [],
    matchCodeRequired: false,
    subscription: "automatic",
    createdAt: new Date(0),
  };

  it("shows where the person will land before anything else", () => {
    expect(displayHost(project, "https://redirect.example/y")).toBe("redirect.example");
  });

  it("shows the origin, then the callback's host, then nothing", () => {
    expect(displayHost(project)).toBe("origin.example:8443");
    expect(displayHost({ ...project, originUrl: null })).toBe("callback.example");
    expect(displayHost({ ...project, originUrl: null, callbackUrl: null })).toBeNull();
  });
});
