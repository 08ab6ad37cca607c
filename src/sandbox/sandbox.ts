// The sandbox: the pretend messengers behind one HTTP handler, and the wishes of pretend people by
// channel. Each messenger lives in its own folder; the demo website is not here. It knows nothing
// of Tapin: the service meets it over HTTP.

import { avatarAnswer } from "./avatar.ts";
import { type Chat, SandboxError, type SandboxUser } from "./chat.ts";
import { chatPage, indexPage, type PageBot, pageAsset } from "./chat-page.ts";
import { chooseLang } from "./demo/texts.ts";
import {
  type Answer,
  type Incoming,
  jsonAnswer,
  type Outgoing,
  sendAnswer,
} from "./http-exchange.ts";
import { parseDeepLink as parseMaxLink } from "./max/deep-link.ts";
import { MaxEmulator } from "./max/emulator.ts";
import type { MaxRules } from "./max/rules.ts";
import { makeProblem, type ProblemStatus, requestIdOf } from "./problem.ts";
import { parseDeepLink as parseTelegramLink } from "./telegram/deep-link.ts";
import { TelegramEmulator } from "./telegram/emulator.ts";
import type { TelegramRules } from "./telegram/rules.ts";

/** Which pretend messenger. */
export type SandboxChannel = "telegram" | "max";

/** Whose chat. */
export interface ChatOwner {
  readonly channel: SandboxChannel;
  /** The messenger's user id. */
  readonly userId: string;
}

/**
 * The pretend messengers. Every wish of a person answers with the chat, and rejects with
 * SandboxError when it cannot be met.
 */
export interface Sandbox {
  /** The pretend Telegram: the bot's `token` and `username`, and for tests `rules` and `faults`. */
  readonly telegram: TelegramEmulator;
  /** The pretend MAX, likewise. */
  readonly max: MaxEmulator;
  /**
   * The API root for a Telegram client: calls go to `<root>/bot<token>/<method>`. Made from the
   * public URL, so ask once that is known.
   */
  telegramApiRoot(): string;
  /**
   * The API root for a MAX client: calls go to `<root>/me` and so on. Made from the public URL as
   * well.
   */
  maxApiRoot(): string;
  /**
   * Answers everything under `/sandbox/`: both APIs, the chat pages, pictures of people, their
   * files and the index; anything else with a 404 envelope. Never rejects.
   */
  handle(req: Incoming, res: Outgoing): Promise<void>;
  /**
   * The person opens a deep link and taps START; in MAX there is no START while the dialog runs,
   * and by default nothing reaches the bot then. `invalid`: no link or no proper person;
   * `not_found`: no such bot.
   */
  openLink(request: { readonly link: string; readonly user: SandboxUser }): Promise<Chat>;
  /** The person taps the button of that label. `not_found`: no such person, message or button. */
  tapButton(
    request: ChatOwner & { readonly messageId: string; readonly label: string },
  ): Promise<Chat>;
  /**
   * The person types. `not_found`: no such person; `invalid`: a blank or too long text, or they
   * block the bot (or, in MAX, have not started it).
   */
  sendText(request: ChatOwner & { readonly text: string }): Promise<Chat>;
  /** The person blocks or unblocks the bot. `not_found`: no such person. */
  setBlocked(request: ChatOwner & { readonly blocked: boolean }): Promise<Chat>;
  /** The chat as it is. `not_found`: no such person. */
  getChat(request: ChatOwner): Promise<Chat>;
  /** Ends every wait, of bots and of people. */
  close(): void;
}

/** How a sandbox is set up. */
export interface SandboxOptions {
  /**
   * How browsers reach the service, without a slash at the end; asked at each use, for it is known
   * only once it listens.
   */
  readonly publicUrl: () => string;
  /** The time in milliseconds. Default: Date.now. */
  readonly now?: () => number;
  /** Settings of the pretend Telegram that differ from their defaults. */
  readonly telegramRules?: Partial<TelegramRules>;
  /** Settings of the pretend MAX that differ from their defaults. */
  readonly maxRules?: Partial<MaxRules>;
}

/** One pretend messenger, its bot and its pages. */
interface Messenger {
  readonly bot: TelegramEmulator | MaxEmulator;
  /** Where its API lies. */
  readonly apiRoot: string;
  readonly parseLink: typeof parseMaxLink;
}

const ROOT = "/sandbox";
const ASSETS = `${ROOT}/assets/`;
const AVATAR_PATH = /^\/sandbox\/avatars\/([1-9]\d{0,15})\.svg$/;

function chatPages(channel: SandboxChannel): string {
  return `${ROOT}/${channel}/`;
}

/** Makes a refusal with a status and a sentence. */
type Refuse = (status: ProblemStatus, error: string) => Answer;

function refuser(requestId: string): Refuse {
  return (status, error) => {
    const answer = jsonAnswer(status, makeProblem(status, { error, requestId }));
    return { ...answer, headers: { ...answer.headers, "cache-control": "no-store" } };
  };
}

function readUrl(req: Incoming): URL | null {
  // Only the path and the query count; whatever host the request names is never parsed.
  const target = req.url ?? "/";
  return target.startsWith("/") && URL.canParse(`http://sandbox${target}`)
    ? new URL(`http://sandbox${target}`)
    : null;
}

function findBot(path: string, bots: readonly PageBot[]): PageBot | undefined {
  return bots.find(({ channel, username }) => {
    const page = `${chatPages(channel)}${username}`;
    return page.toLowerCase() === path.toLowerCase();
  });
}

async function pageAnswer(
  { headers }: Incoming,
  path: string,
  bots: readonly PageBot[],
): Promise<Answer | null> {
  if (path === ROOT) return { status: 308, headers: { location: "sandbox/" }, body: "" };
  if (path === `${ROOT}/`) {
    return indexPage(bots, chooseLang(String(headers["accept-language"] ?? "")));
  }
  if (path.startsWith(ASSETS)) return pageAsset(path.slice(ASSETS.length));
  const avatarOf = AVATAR_PATH.exec(path)?.[1];
  if (avatarOf !== undefined) return avatarAnswer(Number(avatarOf));
  const bot = findBot(path, bots);
  return bot === undefined ? null : chatPage(bot);
}

async function answerPage(
  req: Incoming,
  path: string,
  { bots, refuse }: { readonly bots: readonly PageBot[]; readonly refuse: Refuse },
): Promise<Answer> {
  try {
    const answer = await pageAnswer(req, path, bots);
    if (answer === null) return refuse(404, "There is nothing here.");
    if (req.method === "GET" || req.method === "HEAD") return answer;
    const refusal = refuse(405, "This page can only be read.");
    return { ...refusal, headers: { ...refusal.headers, allow: "GET, HEAD" } };
  } catch {
    return refuse(500, "A file of this page cannot be read: gen/web has to be built.");
  }
}

/** Starts the pretend messengers. They hold no socket and no file; memory is bounded. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { publicUrl, telegramRules = {}, maxRules = {} } = options;
  const clock = options.now && { now: options.now };
  const telegram = new TelegramEmulator({ ...clock, rules: telegramRules });
  const max = new MaxEmulator({
    ...clock,
    rules: maxRules,
    avatarUrl: (userId) => `${publicUrl()}${ROOT}/avatars/${userId}.svg`,
  });
  const messengers: Readonly<Record<SandboxChannel, Messenger>> = {
    telegram: {
      bot: telegram,
      apiRoot: `${ROOT}/telegram-api`,
      parseLink: parseTelegramLink,
    },
    max: { bot: max, apiRoot: `${ROOT}/max-api`, parseLink: parseMaxLink },
  };
  const channels = ["telegram", "max"] as const;
  const bots = channels.map((channel): PageBot => {
    const { username, name } = messengers[channel].bot;
    return { channel, username, name };
  });

  async function handle(req: Incoming, res: Outgoing): Promise<void> {
    const url = readUrl(req);
    const refuse = refuser(requestIdOf(res));
    if (url === null) {
      sendAnswer(req, res, refuse(404, "There is nothing here."));
      return;
    }
    const called = Object.values(messengers).find(({ apiRoot }) =>
      url.pathname.startsWith(`${apiRoot}/`),
    );
    if (called === undefined) {
      sendAnswer(req, res, await answerPage(req, url.pathname, { bots, refuse }));
      return;
    }
    url.pathname = url.pathname.slice(called.apiRoot.length);
    await called.bot.handleApi(req, res, url);
  }

  function openLink(link: string, user: SandboxUser): Promise<Chat> {
    for (const channel of channels) {
      const { bot, parseLink } = messengers[channel];
      const deepLink = parseLink(link, `${publicUrl()}${chatPages(channel)}`);
      if (deepLink === undefined) throw new SandboxError("invalid", "This is no link.", "link");
      if (deepLink?.bot.toLowerCase() === bot.username.toLowerCase()) {
        return bot.start(user, deepLink.payload);
      }
    }
    throw new SandboxError("not_found", "The link opens no bot of the sandbox.", "link");
  }

  return {
    telegram,
    max,
    telegramApiRoot: () => `${publicUrl()}${messengers.telegram.apiRoot}`,
    maxApiRoot: () => `${publicUrl()}${messengers.max.apiRoot}`,
    handle,
    openLink: async ({ link, user }) => openLink(link, user),
    tapButton: async ({ channel, userId, messageId, label }) =>
      messengers[channel].bot.tap(userId, messageId, label),
    sendText: async ({ channel, userId, text }) => messengers[channel].bot.sendText(userId, text),
    setBlocked: async ({ channel, userId, blocked }) =>
      messengers[channel].bot.setBlocked(userId, blocked),
    getChat: async ({ channel, userId }) => messengers[channel].bot.chat(userId),
    close() {
      telegram.close();
      max.close();
    },
  };
}
