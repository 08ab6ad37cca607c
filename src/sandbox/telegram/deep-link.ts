// What a Telegram client makes of a link: which bot it opens, and what comes after `/start`.
// Opening it is an action of a person and lives in emulator.ts.

import { type DeepLink, type LinkRules, readDeepLink } from "../deep-link.ts";

const TELEGRAM_HOSTS = ["t.me", "www.t.me", "telegram.me", "telegram.dog"];

// https://core.telegram.org/api/links#bot-links. TDLib drops a value that is too long or has any
// other character.
const PAYLOAD = /^[A-Za-z0-9_-]{1,64}$/;

const RULES: LinkRules = {
  botOf(url) {
    if (url.protocol === "tg:") {
      const isResolve = url.host === "resolve" || url.pathname === "resolve";
      return isResolve ? url.searchParams.get("domain") : null;
    }
    const isTelegram = url.protocol === "https:" && TELEGRAM_HOSTS.includes(url.host);
    return isTelegram ? url.pathname.slice(1) : null;
  },
  passes: (payload) => PAYLOAD.test(payload),
};

/**
 * Takes a link apart: `https://t.me/<bot>?start=<payload>`,
 * `tg://resolve?domain=<bot>&start=<payload>`, or that of a chat page. Undefined when it is no URL,
 * null when it opens no bot.
 */
export function parseDeepLink(link: string, chatPages: string): DeepLink | null | undefined {
  return readDeepLink(link, chatPages, RULES);
}
