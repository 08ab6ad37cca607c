// What a log may say about an error of the Bot API: everything but the bot token and the query of a
// URL.

import { describe, expect, it } from "vitest";
import { withoutSecrets } from "../../src/channels/redact.ts";
import { describeError, telegramFailure } from "../../src/channels/telegram-errors.ts";

const TOKEN = "123456:AAH-secret_secret_secret_secret_sec";

describe("withoutSecrets", () => {
  it.each([
    [`token ${TOKEN} alone`, "token <token> alone"],
    [`https://api.telegram.org/bot${TOKEN}/getMe`, "https://api.telegram.org/bot<token>/getMe"],
    [`path /bot${encodeURIComponent(TOKEN)}/x`, "path /bot<token>/x"],
    ["/bot999:another-token/getMe", "/bot<token>/getMe"],
    ["URL 'http://localhost/cb?code=C&state=s' is", "URL 'http://localhost/cb?<query>' is"],
    ["nothing to hide", "nothing to hide"],
  ])("T18 makes of %j", (text, safe) => {
    expect(withoutSecrets(text, TOKEN)).toBe(safe);
  });
});

describe("describeError", () => {
  it("T18 cleans the causes too, and tells them", () => {
    const cause = new Error(`connect to /bot${TOKEN}/getMe`, { cause: new Error("ECONNREFUSED") });
    const text = describeError(new Error("outer", { cause }), TOKEN);
    expect(text).toContain("outer");
    expect(text).toContain("<- connect to /bot<token>/getMe <- ECONNREFUSED");
    expect(text).not.toContain(TOKEN);
  });

  it("describes what is no error", () => {
    expect(describeError(`thrown ${TOKEN}`, TOKEN)).toBe("thrown <token>");
  });
});

describe("telegramFailure", () => {
  it("is null for an error that did not come from the Bot API", () => {
    expect(telegramFailure(new Error("message is not modified"))).toBeNull();
  });
});
