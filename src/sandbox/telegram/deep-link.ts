// What a Telegram client makes of a link: which bot it opens, and what comes after `/start`. Opening it is an action of a
// person and lives in emulator.ts.

import type { DeepLink } from "../deep-link.ts";

const TELEGRAM_HOSTS = ["t.me", "www.t.me", "telegram.me", "telegram.dog"];

// https://core.telegram.org/api/links#bot-links. TDLib drops a value that is too long or has any other character.
const PAYLOAD = /^[A-Za-z0-9_-]{1,64}$/;

function botOf(url: URL, chatPages: URL): string | null {
  if (url.protocol === "tg:") {
    const isResolve = url.host === "resolve" || url.pathname === "resolve";
    return isResolve ? url.searchParams.get("domain") : null;
  }
  const isTelegram = url.protocol === "https:" && TELEGRAM_HOSTS.includes(url.host);
  const isChatPage = url.origin === chatPages.origin && url.pathname.startsWith(chatPages.pathname);
  if (!isTelegram && !isChatPage) return null;
  return url.pathname.slice(isTelegram ? 1 : chatPages.pathname.length);
}

/**
 * Takes a link apart: `https://t.me/<bot>?start=<payload>`, `tg://resolve?domain=<bot>&start=<payload>`, or that of a
 * chat page, all of which lie under `chatPages` (it ends with `/`). Undefined when it is no URL, null when it opens no
 * bot.
 */
export function parseDeepLink(link: string, chatPages: string): DeepLink | null | undefined {
  if (!URL.canParse(link)) return undefined;
  const url = new URL(link);
  const bot = botOf(url, new URL(chatPages));
  if (bot === null || !/^\w+$/.test(bot)) return null;
  const start = url.searchParams.get("start") ?? "";
  return { bot, payload: PAYLOAD.test(start) ? start : "" };
}
