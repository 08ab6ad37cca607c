// Payloads of deep links: which text means what, and that no payload means two things.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deepLink, PAYLOAD_LIMIT, parsePayload, SLUG_LIMIT } from "../../src/core/deep-link.ts";

const BOT = "https://t.me/YourBot";
const SESSION_ID = "aBcDeFgH12345678";

describe("parsePayload", () => {
  it("reads a session's payload", () => {
    expect(parsePayload(`auths_${SESSION_ID}`)).toEqual({ kind: "session", sessionId: SESSION_ID });
  });

  it.each(["my-app", "a", "0", "-", "s-abc", "a".repeat(SLUG_LIMIT)])(
    "reads the static link of project %s",
    (slug) => {
      expect(parsePayload(`auth_${slug}`)).toEqual({ kind: "project", slug });
    },
  );

  it.each([
    ["nothing", ""],
    ["no prefix", SESSION_ID],
    ["an empty slug", "auth_"],
    ["a slug that is too long", `auth_${"a".repeat(SLUG_LIMIT + 1)}`],
    ["an upper-case slug", "auth_My-App"],
    ["a slug with an underscore", "auth_my_app"],
    ["a session id that is too short", `auths_${SESSION_ID.slice(1)}`],
    ["a session id that is too long", `auths_${SESSION_ID}9`],
    ["a session id with a hyphen", `auths_${SESSION_ID.slice(1)}-`],
    ["another case", `AUTHS_${SESSION_ID}`],
    ["a line end", `auths_${SESSION_ID}\n`],
    ["a space before", ` auths_${SESSION_ID}`],
    ["two payloads", `auths_${SESSION_ID} auth_my-app`],
    ["a letter that only looks like one of ours", "auth_my-аpp"],
    ["digits of another script", `auths_${"١".repeat(16)}`],
  ])("takes %s for none of ours", (_, payload) => {
    expect(parsePayload(payload)).toBeNull();
  });
});

describe("deepLink", () => {
  it("is the contract's example, letter by letter", () => {
    expect(deepLink(BOT, { kind: "project", slug: "my-app" })).toBe(
      "https://t.me/YourBot?start=auth_my-app",
    );
    expect(deepLink(BOT, { kind: "session", sessionId: SESSION_ID })).toBe(
      "https://t.me/YourBot?start=auths_aBcDeFgH12345678",
    );
  });

  const payloads = fc.oneof(
    fc.record({
      kind: fc.constant("project" as const),
      slug: fc.stringMatching(new RegExp(`^[a-z0-9-]{1,${SLUG_LIMIT}}$`)),
    }),
    fc.record({
      kind: fc.constant("session" as const),
      sessionId: fc.stringMatching(/^[A-Za-z0-9]{16}$/),
    }),
  );

  it("comes back from parsePayload as it went in, so no slug can pass for a session", () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const start = new URL(deepLink(BOT, payload)).searchParams.get("start") ?? "";
        expect(parsePayload(start)).toEqual(payload);
        expect(start.length).toBeLessThanOrEqual(PAYLOAD_LIMIT);
        expect(start).toMatch(/^[A-Za-z0-9_-]+$/);
      }),
    );
  });
});
