// The table of texts and the rendering of screens: both languages complete, limits kept, hostile
// names harmless.

import { describe, expect, it } from "vitest";
import {
  commandsOf,
  LABEL_LIMIT,
  LANGUAGES,
  languageOf,
  linksAsText,
  parseLangData,
  renderScreen,
  TEXT_LIMIT,
  TEXTS,
  textOf,
  timeAgo,
} from "../../src/channels/messages.ts";
import { PROMPT_TOKEN_LENGTH, type PromptScreen, type Screen } from "../../src/core/prompt.ts";

const TOKEN = "a".repeat(PROMPT_TOKEN_LENGTH);

const PROMPT: PromptScreen = {
  kind: "prompt",
  token: TOKEN,
  projectName: "Demo Shop",
  host: "demo.example.com",
  ageSeconds: 12,
  browser: "Firefox on Linux",
  ip: "192.0.2.7",
  subscribes: true,
  choices: null,
};

const NOTICES = [
  "cancelled",
  "expired",
  "used",
  "taken",
  "off",
  "replaced",
  "mismatched",
  "stale",
  "cooldown",
  "help",
  "lang",
  "stopped",
  "subscribed",
  "busy",
] as const;

const LONGEST: PromptScreen = {
  ...PROMPT,
  projectName: "ш".repeat(500),
  host: `${"a".repeat(300)}.example.com`,
  browser: "б".repeat(500),
  ip: "2001:db8:1111:2222:3333:4444:255.255.255.255",
  ageSeconds: 1_000_000,
  choices: ["11", "22", "33", "44"],
};

const CONFIRMED = [
  { url: "https://demo.example.com/?code=c", fromSession: true },
  { url: "https://demo.example.com/?code=c", fromSession: false },
  { url: null, fromSession: true },
  { url: null, fromSession: false },
].map(
  (part): Screen => ({
    kind: "confirmed",
    projectName: "Demo Shop",
    subscribeToken: null,
    subscribed: false,
    ...part,
  }),
);

const SCREENS: readonly Screen[] = [
  PROMPT,
  LONGEST,
  { ...PROMPT, ageSeconds: null, browser: null, ip: null, host: null },
  ...CONFIRMED,
  ...CONFIRMED.map((screen) => ({ ...screen, subscribeToken: TOKEN })),
  ...CONFIRMED.map((screen) => ({ ...screen, subscribed: true })),
  ...[null, TOKEN].map((subscribeToken): Screen => ({ kind: "done", subscribeToken })),
  ...NOTICES.map((kind): Screen => ({ kind })),
];

function placeholders(text: string): string[] {
  return (text.match(/\{\w+\}/g) ?? []).sort();
}

describe("TEXTS", () => {
  it.each(Object.entries(TEXTS))(
    "%s has a text in both languages with the same placeholders",
    (_, texts) => {
      expect(Object.keys(texts).sort()).toEqual([...LANGUAGES].sort());
      expect(texts.en).not.toBe("");
      expect(texts.ru).toMatch(/[а-яё]/i);
      expect(texts.en).not.toMatch(/[а-яё]/i);
      expect(placeholders(texts.ru)).toEqual(placeholders(texts.en));
    },
  );
});

describe("renderScreen", () => {
  const cases = SCREENS.flatMap((screen) => LANGUAGES.map((lang) => ({ screen, lang })));
  it.each(cases)(
    "keeps the limits of both messengers and fills every placeholder ($screen.kind, $lang)",
    ({ screen, lang }) => {
      const { text, rows } = renderScreen(screen, lang);
      expect(text.trim()).not.toBe("");
      expect(Array.from(text).length).toBeLessThanOrEqual(TEXT_LIMIT);
      expect(placeholders(text)).toEqual([]);
      for (const button of rows.flat()) {
        expect(Array.from(button.label).length).toBeLessThanOrEqual(LABEL_LIMIT);
        expect(button.label).not.toBe("");
        if ("data" in button) expect(Buffer.byteLength(button.data)).toBeLessThanOrEqual(64);
      }
    },
  );

  it("T2 shows project, origin host, browser, address and age, a warning and what else Login does", () => {
    expect(renderScreen(PROMPT, "en").text).toBe(
      [
        "Sign in to Demo Shop?",
        "Site: demo.example.com",
        "",
        "Request from Firefox on Linux, 192.0.2.7, 12 seconds ago",
        "",
        "Only confirm if you opened this page yourself.",
        "",
        "You will also receive notifications. Send /stop to turn them off.",
      ].join("\n"),
    );
    expect(renderScreen(PROMPT, "ru").text).toBe(
      [
        "Войти в Demo Shop?",
        "Сайт: demo.example.com",
        "",
        "Запрос: Firefox на Linux, 192.0.2.7, 12 секунд назад",
        "",
        "Подтверждайте, только если сами открыли эту страницу.",
        "",
        "Вы также будете получать уведомления. Отключить: /stop",
      ].join("\n"),
    );
  });

  it("T2 puts Cancel in a row as wide as Login's", () => {
    const { rows } = renderScreen(PROMPT, "en");
    expect(rows).toEqual([
      [{ label: "Login", data: `l:${TOKEN}` }],
      [{ label: "Cancel", data: `c:${TOKEN}` }],
    ]);
    const russian = renderScreen(PROMPT, "ru").rows.flat();
    expect(russian.map((button) => button.label)).toEqual(["Войти", "Отмена"]);
  });

  it("offers the four numbers instead of Login, and says to pick the one on the page", () => {
    const { text, rows } = renderScreen({ ...PROMPT, choices: ["17", "23", "42", "88"] }, "en");
    expect(text.split("\n\n")[2]).toBe(
      "Only confirm if you opened this page yourself.\n" +
        "Tap the number shown on the page. A wrong number cancels the sign-in.",
    );
    expect(rows).toEqual([
      [
        { label: "17", data: `m:${TOKEN}:17` },
        { label: "23", data: `m:${TOKEN}:23` },
        { label: "42", data: `m:${TOKEN}:42` },
        { label: "88", data: `m:${TOKEN}:88` },
      ],
      [{ label: "Cancel", data: `c:${TOKEN}` }],
    ]);
  });

  it("leaves out what it was not told", () => {
    const bare = { ...PROMPT, browser: null, ip: null, host: null };
    expect(renderScreen(bare, "en").text).toContain("Request made 12 seconds ago");
    expect(renderScreen(bare, "en").text).not.toContain("Site:");
    const noIp = renderScreen({ ...PROMPT, ip: null }, "en").text;
    expect(noIp).toContain("Request from Firefox on Linux, 12 seconds ago");
    const untold = { ...bare, ageSeconds: null, subscribes: false };
    expect(renderScreen(untold, "en").text).toBe(
      "Sign in to Demo Shop?\n\nOnly confirm if you opened this page yourself.",
    );
  });

  it.each([
    [0, "Confirmed. Return to the page with the QR code, or continue on the site here:", true],
    [1, "Confirmed. Continue on the site:", true],
    [2, "Confirmed. Return to the page with the QR code.", false],
    [3, "Confirmed.", false],
  ])(
    "confirmed screen %i says where to go on and has a button only with a URL",
    (index, text, hasButton) => {
      const message = renderScreen(CONFIRMED[index] as Screen, "en");
      expect(message.text).toBe(`Demo Shop\n${text}`);
      const button = { label: "Go to website", url: "https://demo.example.com/?code=c" };
      expect(message.rows).toEqual(hasButton ? [[button]] : []);
    },
  );

  it("T22 says what Login also does only where it does so", () => {
    const text = (lang: string) => renderScreen({ ...PROMPT, subscribes: false }, lang).text;
    expect(text("en")).not.toContain("notifications");
    expect(text("ru")).not.toContain("уведомления");
    expect(renderScreen({ ...PROMPT, subscribes: true }, "ru").text).toContain("уведомления");
  });

  it.each([
    ["en", "Notify me", 0, 2],
    ["ru", "Уведомлять меня", 0, 2],
    ["en", "Notify me", 3, 1],
  ] as const)(
    "T22 asks for notifications with a button of its own (%s, %s, screen %i)",
    (lang, label, index, rows) => {
      const screen = { ...CONFIRMED[index], subscribeToken: TOKEN } as Screen;
      const message = renderScreen(screen, lang);
      expect(message.rows).toHaveLength(rows);
      expect(message.rows.at(-1)).toEqual([{ label, data: `s:${TOKEN}` }]);
    },
  );

  it("T22 asks for notifications under a login that is done, only who may be asked", () => {
    const screen = (subscribeToken: string | null): Screen => ({ kind: "done", subscribeToken });
    expect(renderScreen(screen(TOKEN), "en")).toEqual({
      text: "You are signed in.",
      rows: [[{ label: "Notify me", data: `s:${TOKEN}` }]],
    });
    expect(renderScreen(screen(null), "en").rows).toEqual([]);
  });

  it("T22 says that notifications are on, and keeps the way to the website", () => {
    const screen = { ...CONFIRMED[0], subscribed: true } as Screen;
    const { text, rows } = renderScreen(screen, "en");
    expect(text).toMatch(/^Notifications are on\. Send \/stop to turn them off\.\n\nDemo Shop\n/);
    expect(rows.flat().map(({ label }) => label)).toEqual(["Go to website"]);
  });

  it.each(LANGUAGES)("offers both languages by their own names, in %s", (lang) => {
    const { rows } = renderScreen({ kind: "lang" }, lang);
    expect(rows).toEqual([
      [
        { label: "Русский", data: "lang:ru" },
        { label: "English", data: "lang:en" },
      ],
    ]);
  });

  it.each(LANGUAGES)("the help names every command of the menu, in %s", (lang) => {
    const { text } = renderScreen({ kind: "help" }, lang);
    for (const { command } of commandsOf(lang)) expect(text).toContain(`/${command}`);
  });

  it("speaks Russian to ru and English to everybody else", () => {
    expect(languageOf("ru")).toBe("ru");
    for (const lang of ["en", "uk", "be", "de", "", "RU-hostile"]) {
      expect(renderScreen({ kind: "cancelled" }, lang).text).toBe("Sign-in cancelled.");
    }
  });

  it.each([
    ["line breaks", "Shop\nSite: bank.example", "Sign in to ShopSite: bank.example?"],
    ["bidirectional marks", "Sh\u202eop\u2066", "Sign in to Shop?"],
    ["zero-width characters", "S\u200bh\u200do\ufeffp", "Sign in to Shop?"],
    ["line separators", "Shop\u2028\u2029Two", "Sign in to ShopTwo?"],
    ["stacked combining marks", `S${"\u0301".repeat(50)}hop`, `Sign in to S\u0301\u0301hop?`],
    ["placeholders", "{host}", "Sign in to {host}?"],
    ["dollar patterns", "$& $1 $$", "Sign in to $& $1 $$?"],
    ["nothing visible", "\u200b\u200b", "Sign in to the website?"],
  ])("T27 a project name with %s stays on its line", (_, projectName, title) => {
    const { text } = renderScreen({ ...PROMPT, projectName }, "en");
    expect(text.split("\n")).toHaveLength(8);
    expect(text.split("\n")[0]).toBe(title);
  });

  it("T27 a hostile browser, address and host stay on their lines", () => {
    const { text } = renderScreen(
      {
        ...PROMPT,
        browser: "Fire\nfox\u202e",
        ip: "1\r\n2",
        host: "good.example\n.evil\u200b.example",
      },
      "en",
    );
    expect(text.split("\n")).toHaveLength(8);
    expect(text).toContain("Site: good.example.evil.example");
    expect(text).toContain("Request from Firefox, 12, 12 seconds ago");
  });

  it("T27 a very long host is cut at its front, so that its owner stays visible", () => {
    const { text } = renderScreen({ ...PROMPT, host: `${"good.".repeat(99)}evil.example` }, "en");
    expect(text.split("\n")[1]).toMatch(/evil\.example$/);
  });
});

describe("timeAgo", () => {
  it.each([
    [0, "только что", "just now"],
    [0.9, "только что", "just now"],
    [-5, "только что", "just now"],
    [1, "1 секунду назад", "1 second ago"],
    [3, "3 секунды назад", "3 seconds ago"],
    [11, "11 секунд назад", "11 seconds ago"],
    [21, "21 секунду назад", "21 seconds ago"],
    [59, "59 секунд назад", "59 seconds ago"],
    [60, "1 минуту назад", "1 minute ago"],
    [150, "2 минуты назад", "2 minutes ago"],
    [300, "5 минут назад", "5 minutes ago"],
  ])("%d seconds have the right plural in both languages", (seconds, russian, english) => {
    expect(timeAgo(seconds, "ru")).toBe(russian);
    expect(timeAgo(seconds, "en")).toBe(english);
  });
});

describe("linksAsText", () => {
  it("writes links out and keeps the buttons that come back to the bot", () => {
    const message = {
      text: "Go on:",
      rows: [
        [{ label: "Site", url: "https://a.example/?code=1" }],
        [{ label: "Back", data: "c:1" }],
      ],
    };
    expect(linksAsText(message)).toEqual({
      text: "Go on:\nhttps://a.example/?code=1",
      rows: [[{ label: "Back", data: "c:1" }]],
    });
  });
});

describe("textOf", () => {
  it("fills placeholders once: a value with a placeholder in it stays as it is", () => {
    expect(textOf("device", "en", { device: "{time}", time: "now" })).toBe(
      "Request from {time}, now",
    );
  });
});

describe("parseLangData", () => {
  it("knows the buttons of the language screen, and no others", () => {
    expect(parseLangData("lang:ru")).toBe("ru");
    expect(parseLangData("lang:en")).toBe("en");
    for (const data of ["lang:de", "lang:", "lang:ru ", "ru", `l:${TOKEN}`]) {
      expect(parseLangData(data)).toBeNull();
    }
  });
});

describe("commandsOf", () => {
  it("names the commands of the menu in both languages", () => {
    for (const lang of LANGUAGES) {
      expect(commandsOf(lang).map((entry) => entry.command)).toEqual(["help", "lang", "stop"]);
    }
    expect(commandsOf("ru")).not.toEqual(commandsOf("en"));
  });
});
