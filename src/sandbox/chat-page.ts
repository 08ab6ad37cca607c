// The HTML of the chat page and of the index of bots. What the page does is src/web/chat.ts, how
// they look is src/web/chat.css, with chat-max.css and chat-index.css over it; here are only the
// bare documents, their headers, and the files they load.

import { readFile } from "node:fs/promises";
import type { Lang } from "./demo/texts.ts";
import { type Html, html } from "./html.ts";
import type { Answer } from "./http-exchange.ts";

/** A bot that people can open. */
export interface PageBot {
  /** The messenger, as the sandbox service names it. */
  readonly channel: "telegram" | "max";
  readonly username: string;
  readonly name: string;
}

const MESSENGERS = { telegram: "Telegram", max: "MAX" } as const;

// Nothing inline, nothing from elsewhere: a message of the bot or a name of a person can never
// become code.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": PAGE_POLICY,
  "x-content-type-options": "nosniff",
  // The address of a chat page carries the payload of a session.
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

const ASSETS = {
  "chat.js": { file: "../../gen/web/chat.js", type: "text/javascript; charset=utf-8" },
  "chat.css": { file: "../web/chat.css", type: "text/css; charset=utf-8" },
  "chat-max.css": { file: "../web/chat-max.css", type: "text/css; charset=utf-8" },
  "chat-index.css": { file: "../web/chat-index.css", type: "text/css; charset=utf-8" },
} as const;

const STYLES = {
  telegram: ["chat.css"],
  max: ["chat.css", "chat-max.css"],
} as const;

const INDEX_TEXTS: Readonly<Record<Lang, { readonly title: string; readonly notice: string }>> = {
  en: {
    title: "Pretend messengers",
    notice: "These bots talk to pretend people only. Nothing here reaches the real messengers.",
  },
  ru: {
    title: "Учебные мессенджеры",
    notice:
      "Эти боты говорят только с учебными людьми. До настоящих мессенджеров ничего не доходит.",
  },
};

const loaded = new Map<string, Promise<Uint8Array>>();

function styleLinks(styles: readonly string[], base: string): readonly Html[] {
  return styles.map((name) => html`<link rel="stylesheet" href="${base}${name}">\n`);
}

interface Document {
  readonly title: string;
  readonly head: Html;
  readonly body: Html;
  readonly lang?: Lang;
}

function page({ title, head, body, lang = "en" }: Document): Answer {
  const { text } = html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
${head}
</head>
<body>
${body}
</body>
</html>
`;
  return { status: 200, headers: PAGE_HEADERS, body: text };
}

/**
 * The page on which a person talks to a bot. Its addresses are relative, so it works behind a path
 * prefix as well.
 */
export function chatPage({ channel, username, name }: PageBot): Answer {
  return page({
    title: `${name} · pretend ${MESSENGERS[channel]}`,
    head: html`${styleLinks(STYLES[channel], "../assets/")}<script type="module" src="../assets/chat.js"></script>`,
    body: html`<div id="chat" class="app" data-channel="${channel}" data-bot="${username}" data-name="${name}"></div>
<noscript><p class="notice">This pretend messenger needs JavaScript.</p></noscript>`,
  });
}

/** The index: which bots there are. */
export function indexPage(bots: readonly PageBot[], lang: Lang): Answer {
  const { title, notice } = INDEX_TEXTS[lang];
  const items = bots.map(
    ({ channel, username, name }) =>
      html`<li><a href="${channel}/${username}">${name} <small>${MESSENGERS[channel]} · @${username}</small></a></li>\n`,
  );
  const answer = page({
    lang,
    title,
    head: html`${styleLinks(["chat.css", "chat-index.css"], "assets/")}`,
    body: html`<main class="plain">
<h1>${title}</h1>
<p>${notice}</p>
<ul>${items}</ul>
</main>`,
  });
  return { ...answer, headers: { ...answer.headers, vary: "Accept-Language" } };
}

/**
 * A file of the chat page, read at first use and kept. Null for any other name. Rejects when the
 * file is missing: the script is built from src/web into gen/web.
 */
export async function pageAsset(name: string): Promise<Answer | null> {
  if (!Object.hasOwn(ASSETS, name)) return null;
  const { file, type } = ASSETS[name as keyof typeof ASSETS];
  const reading = loaded.get(name) ?? readFile(new URL(file, import.meta.url));
  loaded.set(name, reading);
  // A file that could not be read is tried again next time.
  reading.catch(() => loaded.delete(name));
  const headers = {
    "content-type": type,
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
  };
  return { status: 200, headers, body: await reading };
}
