// What a MAX client makes of a link: which bot it opens, and with which payload. Opening it is an action of a person and
// lives in emulator.ts. https://dev.max.ru/help/deeplinks

import type { DeepLink } from "../deep-link.ts";
import { characterCount } from "../typed-text.ts";

const PAYLOAD_LIMIT = 128;

function botOf(url: URL, chatPages: URL): string | null {
  const isMax = url.protocol === "https:" && url.host === "max.ru";
  const isChatPage = url.origin === chatPages.origin && url.pathname.startsWith(chatPages.pathname);
  if (!isMax && !isChatPage) return null;
  return url.pathname.slice(isMax ? 1 : chatPages.pathname.length);
}

/**
 * Takes a link apart: `https://max.ru/<bot>?start=<payload>`, or that of a chat page, all of which lie under `chatPages`
 * (it ends with `/`). A payload over 128 characters is dropped, as MAX does. Undefined when it is no URL, null when it
 * opens no bot.
 */
export function parseDeepLink(link: string, chatPages: string): DeepLink | null | undefined {
  if (!URL.canParse(link)) return undefined;
  const url = new URL(link);
  const bot = botOf(url, new URL(chatPages));
  if (bot === null || !/^\w+$/.test(bot)) return null;
  const start = url.searchParams.get("start") ?? "";
  return { bot, payload: characterCount(start) > PAYLOAD_LIMIT ? "" : start };
}
