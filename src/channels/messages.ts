// Every text a person reads in a messenger, in Russian and English, and how a screen becomes a
// message. Which screen is shown is decided in src/actions; how a message is sent is the business
// of each messenger.

import {
  buttonData,
  type ConfirmedScreen,
  type PromptScreen,
  type Screen,
} from "../core/prompt.ts";
import { cleanName } from "../core/subscriber.ts";

/** Languages there are texts in. */
export const LANGUAGES = ["en", "ru"] as const;

/** A language there are texts in. */
export type Language = (typeof LANGUAGES)[number];

/**
 * Longest label of a button, in characters: readable alone in a row on a narrow phone in both
 * messengers.
 */
export const LABEL_LIMIT = 20;

/** Longest text of a message, in characters: MAX takes 4000, Telegram 4096. */
export const TEXT_LIMIT = 4000;

/** Longest host name, in characters (RFC 1035 section 2.3.4). */
const HOST_LIMIT = 253;

/**
 * The table: key -> language -> text. `{name}` is a placeholder; both languages have the same ones.
 */
export const TEXTS = {
  prompt: { en: "Sign in to {project}?", ru: "Войти в {project}?" },
  unnamedProject: { en: "the website", ru: "сайт" },
  origin: { en: "Site: {host}", ru: "Сайт: {host}" },
  device: { en: "Request from {device}, {time}", ru: "Запрос: {device}, {time}" },
  deviceUntold: { en: "Request made {time}", ru: "Запрос отправлен {time}" },
  justNow: { en: "just now", ru: "только что" },
  warn: {
    en: "Only confirm if you opened this page yourself.",
    ru: "Подтверждайте, только если сами открыли эту страницу.",
  },
  pickNumber: {
    en: "Tap the number shown on the page. A wrong number cancels the sign-in.",
    ru: "Нажмите число, которое показано на странице. Неверное число отменит вход.",
  },
  subscribes: {
    en: "You will also receive notifications. Send /stop to turn them off.",
    ru: "Вы также будете получать уведомления. Отключить: /stop",
  },
  buttonLogin: { en: "Login", ru: "Войти" },
  buttonCancel: { en: "Cancel", ru: "Отмена" },
  buttonSite: { en: "Go to website", ru: "Перейти на сайт" },
  buttonSubscribe: { en: "Notify me", ru: "Уведомлять меня" },
  confirmedLink: {
    en: "Confirmed. Continue on the site:",
    ru: "Вход подтверждён. Продолжите на сайте:",
  },
  confirmedQr: {
    en: "Confirmed. Return to the page with the QR code.",
    ru: "Вход подтверждён. Вернитесь на страницу с QR-кодом.",
  },
  confirmedBoth: {
    en: "Confirmed. Return to the page with the QR code, or continue on the site here:",
    ru: "Вход подтверждён. Вернитесь на страницу с QR-кодом или продолжите на сайте здесь:",
  },
  confirmed: { en: "Confirmed.", ru: "Вход подтверждён." },
  cancelled: { en: "Sign-in cancelled.", ru: "Вход отменён." },
  expired: {
    en: "This request has expired. Start again on the site.",
    ru: "Запрос устарел. Начните вход заново на сайте.",
  },
  done: { en: "You are signed in.", ru: "Вход выполнен." },
  used: { en: "This request was already used.", ru: "Этот запрос уже использован." },
  taken: {
    en: "Another account has already opened this request. Start again on the site.",
    ru: "Этот запрос уже открыт другим аккаунтом. Начните вход заново на сайте.",
  },
  off: {
    en: "Sign-in is not set up for this project.",
    ru: "Вход для этого проекта не настроен.",
  },
  replaced: {
    en: "A newer sign-in request has replaced this one.",
    ru: "Этот запрос заменён более новым.",
  },
  mismatched: {
    en: "That is not the number on the page, so the sign-in is cancelled. If you did not open the page yourself, somebody else may be trying to sign in as you.",
    ru: "На странице другое число, поэтому вход отменён. Если вы не открывали страницу сами, возможно, кто-то пытается войти от вашего имени.",
  },
  stale: {
    en: "This button no longer works. Start again on the site.",
    ru: "Эта кнопка больше не действует. Начните вход заново на сайте.",
  },
  cooldown: {
    en: "Too many requests were cancelled. Try again in a few minutes.",
    ru: "Слишком много запросов отменено. Попробуйте через несколько минут.",
  },
  help: {
    en: "Open the sign-in link on the site to continue.\n/lang changes the language, /stop turns notifications off, /help shows this message.",
    ru: "Откройте ссылку для входа на сайте.\n/lang меняет язык, /stop отключает уведомления, /help показывает это сообщение.",
  },
  lang: { en: "Choose the language of this bot:", ru: "Выберите язык этого бота:" },
  subscribed: {
    en: "Notifications are on. Send /stop to turn them off.",
    ru: "Уведомления включены. Отключить: /stop",
  },
  stopped: {
    en: "Notifications are off. Signing in to a site may turn them on again; the request says so then.",
    ru: "Уведомления отключены. Вход на сайт может снова их включить: тогда об этом сказано в запросе.",
  },
  busy: {
    en: "Something went wrong. Try again in a minute.",
    ru: "Что-то пошло не так. Попробуйте через минуту.",
  },
  commandHelp: { en: "How to sign in", ru: "Как войти на сайт" },
  commandLang: { en: "Change the language", ru: "Сменить язык" },
  commandStop: { en: "Turn notifications off", ru: "Отключить уведомления" },
} as const satisfies Record<string, Record<Language, string>>;

/**
 * What each language calls itself, whichever is spoken now: who cannot read the one finds the
 * other.
 */
const LANGUAGE_NAMES = { ru: "Русский", en: "English" } as const satisfies Record<Language, string>;

/** A key of the table. */
export type TextKey = keyof typeof TEXTS;

/** A button: `data` comes back to the bot when tapped, `url` opens a website. */
export type MessageButton =
  | { readonly label: string; readonly data: string }
  | { readonly label: string; readonly url: string };

/** A message as any messenger can show it: plain text (no markup) and rows of buttons. */
export interface BotMessage {
  readonly text: string;
  readonly rows: readonly (readonly MessageButton[])[];
}

/** The language to speak to a person: Russian for `ru`, English for everything else. */
export function languageOf(lang: string): Language {
  return lang === "ru" ? "ru" : "en";
}

/**
 * One text of the table. Placeholders are filled in one pass, so a value is never expanded again.
 */
export function textOf(
  key: TextKey,
  lang: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const template: string = TEXTS[key][languageOf(lang)];
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The message for a screen, in the person's language (`lang` is a primary subtag). */
export function renderScreen(screen: Screen, lang: string): BotMessage {
  switch (screen.kind) {
    case "prompt":
      return { text: promptText(screen, lang), rows: promptRows(screen, lang) };
    case "confirmed":
      return { text: confirmedText(screen, lang), rows: confirmedRows(screen, lang) };
    case "done":
      return { text: textOf("done", lang), rows: subscribeRows(screen.subscribeToken, lang) };
    case "lang":
      return { text: textOf("lang", lang), rows: [languageRow()] };
    default:
      return { text: textOf(screen.kind, lang), rows: [] };
  }
}

/**
 * The message with its links written out instead of shown as buttons: for a messenger that refuses
 * them.
 */
export function linksAsText(message: BotMessage): BotMessage {
  const buttons = message.rows.flat();
  const links = buttons.flatMap((button) => ("url" in button ? [button.url] : []));
  const rows = message.rows
    .map((row) => row.filter((button) => "data" in button))
    .filter((row) => row.length > 0);
  return { text: [message.text, ...links].join("\n"), rows };
}

/** The bot's commands with what they do, for the messenger's menu. */
export function commandsOf(lang: Language): { command: string; description: string }[] {
  return [
    { command: "help", description: textOf("commandHelp", lang) },
    { command: "lang", description: textOf("commandLang", lang) },
    { command: "stop", description: textOf("commandStop", lang) },
  ];
}

/** The language a tapped button chose; null when it was no button of the language screen. */
export function parseLangData(data: string): Language | null {
  return LANGUAGES.find((language) => data === langData(language)) ?? null;
}

function langData(language: Language): string {
  return `lang:${language}`;
}

function languageRow(): MessageButton[] {
  return (["ru", "en"] as const).map((language) => ({
    label: LANGUAGE_NAMES[language],
    data: langData(language),
  }));
}

// The website first: it is what the person came for. Each in a row of its own, for MAX has narrow
// rows with links.
function confirmedRows(screen: ConfirmedScreen, lang: string): MessageButton[][] {
  const { url, subscribeToken } = screen;
  const site = url === null ? [] : [[{ label: textOf("buttonSite", lang), url }]];
  return [...site, ...subscribeRows(subscribeToken, lang)];
}

function subscribeRows(token: string | null, lang: string): MessageButton[][] {
  if (token === null) return [];
  const data = buttonData(token, { kind: "subscribe" });
  return [[{ label: textOf("buttonSubscribe", lang), data }]];
}

// What was tapped for comes first: the rest has been read before.
function confirmedText(screen: ConfirmedScreen, lang: string): string {
  const lines = [projectName(screen.projectName, lang), textOf(confirmedKey(screen), lang)];
  return [...(screen.subscribed ? [textOf("subscribed", lang), ""] : []), ...lines].join("\n");
}

function confirmedKey(screen: { url: string | null; fromSession: boolean }): TextKey {
  if (screen.fromSession) return screen.url === null ? "confirmedQr" : "confirmedBoth";
  return screen.url === null ? "confirmed" : "confirmedLink";
}

function promptText(screen: PromptScreen, lang: string): string {
  const host = cleanHost(screen.host);
  const blocks = [
    [
      textOf("prompt", lang, { project: projectName(screen.projectName, lang) }),
      host === "" ? null : textOf("origin", lang, { host }),
    ],
    [deviceLine(screen, lang)],
    [textOf("warn", lang), screen.choices === null ? null : textOf("pickNumber", lang)],
    [screen.subscribes ? textOf("subscribes", lang) : null],
  ];
  return blocks
    .map((lines) => lines.filter((line) => line !== null).join("\n"))
    .filter((block) => block !== "")
    .join("\n\n");
}

// Login and Cancel stand in rows of their own: equally wide, so that Cancel is as prominent as
// Login (T2).
function promptRows(screen: PromptScreen, lang: string): MessageButton[][] {
  const { token, choices } = screen;
  const cancel = {
    label: textOf("buttonCancel", lang),
    data: buttonData(token, { kind: "cancel" }),
  };
  if (choices === null) {
    const login = {
      label: textOf("buttonLogin", lang),
      data: buttonData(token, { kind: "login" }),
    };
    return [[login], [cancel]];
  }
  const numbers = choices.map((choice) => ({
    label: choice,
    data: buttonData(token, { kind: "match", choice }),
  }));
  return [numbers, [cancel]];
}

function deviceLine(screen: PromptScreen, lang: string): string | null {
  if (screen.ageSeconds === null) return null;
  const browser = cleanName(screen.browser ?? "");
  const parts = [
    languageOf(lang) === "ru" ? browser.replace(" on ", " на ") : browser,
    cleanName(screen.ip ?? ""),
  ].filter((part) => part !== "");
  const time = timeAgo(screen.ageSeconds, lang);
  if (parts.length === 0) return textOf("deviceUntold", lang, { time });
  return textOf("device", lang, { device: parts.join(", "), time });
}

/** How long ago something was, such as `12 seconds ago` or `5 минут назад`. */
export function timeAgo(seconds: number, lang: string): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole === 0) return textOf("justNow", lang);
  const format = new Intl.RelativeTimeFormat(languageOf(lang), { numeric: "always" });
  return whole < 60
    ? format.format(-whole, "second")
    : format.format(-Math.floor(whole / 60), "minute");
}

function projectName(name: string, lang: string): string {
  return cleanName(name) || textOf("unnamedProject", lang);
}

// A host is ASCII (RFC 3986 section 3.2.2 with RFC 5891). Cut at the front: its end says whose it
// is.
function cleanHost(host: string | null): string {
  return (host ?? "").replace(/[^\x21-\x7e]/g, "").slice(-HOST_LIMIT);
}
