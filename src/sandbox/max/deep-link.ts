// What a MAX client makes of a link: which bot it opens, and with which payload. Opening it is an
// action of a person and lives in emulator.ts. https://dev.max.ru/help/deeplinks

import { type DeepLink, type LinkRules, readDeepLink } from "../deep-link.ts";
import { characterCount } from "../typed-text.ts";

const PAYLOAD_LIMIT = 128;

const RULES: LinkRules = {
  botOf: (url) =>
    url.protocol === "https:" && url.host === "max.ru" ? url.pathname.slice(1) : null,
  passes: (payload) => characterCount(payload) <= PAYLOAD_LIMIT,
};

/**
 * Takes a link apart: `https://max.ru/<bot>?start=<payload>`, or that of a chat page. A payload
 * over 128 characters is dropped, as MAX does. Undefined when it is no URL, null when it opens no
 * bot.
 */
export function parseDeepLink(link: string, chatPages: string): DeepLink | null | undefined {
  return readDeepLink(link, chatPages, RULES);
}
