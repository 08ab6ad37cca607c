// A deep link, whichever messenger it is for: takes it apart by the rules of one messenger, which
// are in its folder.

/** A deep link, taken apart. */
export interface DeepLink {
  /** The bot's username as written in the link. */
  readonly bot: string;
  /** The payload after `start=`; "" when there is none, or one that the client drops. */
  readonly payload: string;
}

/** What one messenger makes of links. */
export interface LinkRules {
  /** The bot that one of the messenger's own links opens; null when it is none of its links. */
  botOf(url: URL): string | null;
  /** Whether the messenger's client passes the payload on. */
  passes(payload: string): boolean;
}

/**
 * Takes a link apart: one of the messenger's own, or that of a chat page, all of which lie under
 * `chatPages` (it ends with `/`). Undefined when it is no URL, null when it opens no bot.
 */
export function readDeepLink(
  link: string,
  chatPages: string,
  rules: LinkRules,
): DeepLink | null | undefined {
  if (!URL.canParse(link)) return undefined;
  const url = new URL(link);
  const bot = rules.botOf(url) ?? botOfChatPage(url, new URL(chatPages));
  if (bot === null || !/^\w+$/.test(bot)) return null;
  const start = url.searchParams.get("start") ?? "";
  return { bot, payload: rules.passes(start) ? start : "" };
}

function botOfChatPage(url: URL, chatPages: URL): string | null {
  const isChatPage = url.origin === chatPages.origin && url.pathname.startsWith(chatPages.pathname);
  return isChatPage ? url.pathname.slice(chatPages.pathname.length) : null;
}
