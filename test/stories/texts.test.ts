// What a person reads from the first link to the last, in English and in Russian.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContractClient } from "../support/contract-client.ts";
import { codeOf, labelsOf } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  stage = await startStage();
  website = (await stage.project({ name: "Кофейня на углу" })).client();
});
afterAll(() => stage.stop());

const CLIENT = {
  ip: "192.0.2.7",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

interface Language {
  readonly lang: string;
  readonly prompt: readonly (string | RegExp)[];
  readonly login: string;
  readonly cancel: string;
  readonly site: string;
  readonly confirmed: string;
  readonly cancelled: string;
  readonly done: string;
  readonly used: string;
  readonly help: string;
  readonly stopped: string;
}

const ENGLISH: Language = {
  lang: "en",
  prompt: [
    "Sign in to Кофейня на углу?",
    "Site: shop.example",
    "",
    /^Request from Firefox on Linux, 192\.0\.2\.7, (just now|\d+ seconds? ago)$/,
    "",
    "Only confirm if you opened this page yourself.",
    "",
    "You will also receive notifications. Send /stop to turn them off.",
  ],
  login: "Login",
  cancel: "Cancel",
  site: "Go to website",
  confirmed: "Confirmed. Return to the page with the QR code, or continue on the site here:",
  cancelled: "Sign-in cancelled.",
  done: "You are signed in.",
  used: "This request was already used.",
  help: "Open the sign-in link on the site to continue.\n/lang changes the language, /stop turns notifications off, /help shows this message.",
  stopped:
    "Notifications are off. Signing in to a site may turn them on again; the request says so then.",
};

const RUSSIAN: Language = {
  lang: "ru",
  prompt: [
    "Войти в Кофейня на углу?",
    "Сайт: shop.example",
    "",
    /^Запрос: Firefox на Linux, 192\.0\.2\.7, (только что|\d+ секунд\S? назад)$/,
    "",
    "Подтверждайте, только если сами открыли эту страницу.",
    "",
    "Вы также будете получать уведомления. Отключить: /stop",
  ],
  login: "Войти",
  cancel: "Отмена",
  site: "Перейти на сайт",
  confirmed: "Вход подтверждён. Вернитесь на страницу с QR-кодом или продолжите на сайте здесь:",
  cancelled: "Вход отменён.",
  done: "Вход выполнен.",
  used: "Этот запрос уже использован.",
  help: "Откройте ссылку для входа на сайте.\n/lang меняет язык, /stop отключает уведомления, /help показывает это сообщение.",
  stopped:
    "Уведомления отключены. Вход на сайт может снова их включить: тогда об этом сказано в запросе.",
};

function expectLines(text: string, lines: readonly (string | RegExp)[]): void {
  const expected = lines.map((line) =>
    typeof line === "string" ? line : expect.stringMatching(line),
  );
  expect(text.split("\n")).toEqual(expected);
}

describe.each([ENGLISH, RUSSIAN])("a person whose app speaks $lang", (texts) => {
  it("reads the login and everything after it in that language", async () => {
    const session = await website.createSession({ client: CLIENT });
    const person = stage.person({ lang: texts.lang });
    const prompt = await person.open(session.telegramLink);
    expectLines(prompt.text, texts.prompt);
    expect(labelsOf(prompt)).toEqual([texts.login, texts.cancel]);
    const confirmed = await person.tap(texts.login);
    expect(confirmed.text).toBe(`Кофейня на углу\n${texts.confirmed}`);
    expect(labelsOf(confirmed)).toEqual([texts.site]);
    const profile = await website.verifyCode({ code: codeOf(confirmed) });
    expect(profile.lang).toBe(texts.lang);
    await expect
      .poll(async () => (await person.bubble(confirmed.message_id)).text, { timeout: 10_000 })
      .toBe(texts.done);
    expect((await person.open(session.telegramLink)).text).toBe(texts.used);
  });

  it("reads Cancel, help and /stop in that language", async () => {
    const session = await website.createSession();
    const person = stage.person({ lang: texts.lang });
    await person.open(session.telegramLink);
    expect((await person.tap(texts.cancel)).text).toBe(texts.cancelled);
    for (const question of ["/help", "/start", "/start nonsense", "hello?", "/unknown"]) {
      expect(await person.type(question)).toMatchObject({ text: texts.help, buttons: [] });
    }
    expect((await person.type("/stop")).text).toBe(texts.stopped);
  });
});

describe("the language", () => {
  it.each([
    ["ru-RU", "ru", "Войти"],
    ["de", "de", "Login"],
    ["pt-BR", "pt", "Login"],
    ["uk", "uk", "Login"],
  ])("of an app that says %s is kept as %s, and the button says %s", async (lang, kept, label) => {
    const { telegramLink } = await website.createSession();
    const person = stage.person({ lang });
    await person.open(telegramLink);
    const { lang: told } = await website.verifyCode({ code: codeOf(await person.tap(label)) });
    expect(told).toBe(kept);
  });

  it("of an app that says nothing is English", async () => {
    const { telegramLink } = await website.createSession();
    const anonymous = { id: "777000111", first_name: "John" };
    const answer = await fetch(`${stage.url}/v1/sandbox/open`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ link: telegramLink, user: anonymous }),
    });
    expect(await answer.text()).toContain("Sign in to");
    const person = stage.person(anonymous);
    const { lang } = await website.verifyCode({ code: codeOf(await person.tap("Login")) });
    expect(lang).toBe("en");
  });
});
