// The sandbox: the pretend messengers behind one HTTP handler, and the wishes of pretend people by channel. Each messenger
// lives in its own folder; the demo website is not here. It knows nothing of Tapin: the service meets it over HTTP.

import { type Chat, SandboxError, type SandboxUser } from "./chat.ts";
import { chatPage, indexPage, type PageBot, pageAsset } from "./telegram/chat-page.ts";
import { parseDeepLink } from "./telegram/deep-link.ts";
import { TelegramEmulator } from "./telegram/emulator.ts";
import {
  type Answer,
  type Incoming,
  jsonAnswer,
  type Outgoing,
  sendAnswer,
} from "./telegram/http-exchange.ts";

/** Which pretend messenger. `max` has its place and is not there yet: every wish for it is `not_found`. */
export type SandboxChannel = "telegram" | "max";

/** Whose chat. */
export interface ChatOwner {
  readonly channel: SandboxChannel;
  /** The messenger's user id. */
  readonly userId: string;
}

/** The pretend messengers. Every wish of a person answers with the chat, and rejects with SandboxError when it cannot be met. */
export interface Sandbox {
  /** The pretend Telegram: the bot's `token` and `username`, and what only tests need. */
  readonly telegram: TelegramEmulator;
  /**
   * The API root for a Telegram client: calls go to `<root>/bot<token>/<method>`. Made from the public URL, so ask once
   * that is known.
   */
  telegramApiRoot(): string;
  /**
   * Answers everything under `/sandbox/`: the Bot API, the chat pages, their files and the index; anything else with a
   * 404 envelope. Never rejects.
   */
  handle(req: Incoming, res: Outgoing): Promise<void>;
  /** The person opens a deep link and taps START. `invalid`: no link or no proper person; `not_found`: no such bot. */
  openLink(request: { readonly link: string; readonly user: SandboxUser }): Promise<Chat>;
  /** The person taps the button of that label. `not_found`: no such person, message or button. */
  tapButton(
    request: ChatOwner & { readonly messageId: string; readonly label: string },
  ): Promise<Chat>;
  /** The person types. `not_found`: no such person; `invalid`: a blank or too long text, or they block the bot. */
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
  /** How browsers reach the service, without a slash at the end; asked at each use, for it is known only once it listens. */
  readonly publicUrl: () => string;
  /** The time in milliseconds. Default: Date.now. */
  readonly now?: () => number;
}

const ROOT = "/sandbox";
const API_ROOT = `${ROOT}/telegram-api`;
const CHAT_PAGES = `${ROOT}/telegram/`;
const ASSETS = `${ROOT}/assets/`;

function envelope(status: number, error: string): Answer {
  const code = status === 500 ? "internal" : "not_found";
  return jsonAnswer(status, { error, code, retryable: false });
}

function readUrl(req: Incoming): URL | null {
  // Only the path and the query count; whatever host the request names is never parsed.
  const target = req.url ?? "/";
  return target.startsWith("/") && URL.canParse(`http://sandbox${target}`)
    ? new URL(`http://sandbox${target}`)
    : null;
}

async function pageAnswer(path: string, bots: readonly PageBot[]): Promise<Answer | null> {
  if (path === ROOT) return { status: 308, headers: { location: "sandbox/" }, body: "" };
  if (path === `${ROOT}/`) return indexPage(bots);
  if (path.startsWith(ASSETS)) return pageAsset(path.slice(ASSETS.length));
  if (!path.startsWith(CHAT_PAGES)) return null;
  const username = path.slice(CHAT_PAGES.length).toLowerCase();
  const bot = bots.find((candidate) => candidate.username.toLowerCase() === username);
  return bot === undefined ? null : chatPage(bot);
}

async function answerPage(req: Incoming, path: string, bots: readonly PageBot[]): Promise<Answer> {
  try {
    const answer = await pageAnswer(path, bots);
    if (answer === null) return envelope(404, "There is nothing here.");
    if (req.method === "GET" || req.method === "HEAD") return answer;
    const refusal = envelope(405, "This page can only be read.");
    return { ...refusal, headers: { ...refusal.headers, allow: "GET, HEAD" } };
  } catch {
    return envelope(500, "A file of this page cannot be read: gen/web has to be built.");
  }
}

/** Starts the pretend messengers. They hold no socket and no file; memory is bounded. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const telegram = new TelegramEmulator(options.now && { now: options.now });
  const bots: readonly PageBot[] = [
    { channel: "telegram", username: telegram.username, name: telegram.name },
  ];

  async function handle(req: Incoming, res: Outgoing): Promise<void> {
    const url = readUrl(req);
    if (url === null) {
      sendAnswer(req, res, envelope(404, "There is nothing here."));
    } else if (url.pathname.startsWith(`${API_ROOT}/`)) {
      url.pathname = url.pathname.slice(API_ROOT.length);
      await telegram.handleApi(req, res, url);
    } else {
      sendAnswer(req, res, await answerPage(req, url.pathname, bots));
    }
  }

  function messenger(channel: SandboxChannel): TelegramEmulator {
    if (channel === "telegram") return telegram;
    throw new SandboxError("not_found", "This messenger is not in the sandbox.", "channel");
  }

  return {
    telegram,
    telegramApiRoot: () => `${options.publicUrl()}${API_ROOT}`,
    handle,
    async openLink({ link, user }) {
      const deepLink = parseDeepLink(link, `${options.publicUrl()}${CHAT_PAGES}`);
      if (deepLink === undefined) throw new SandboxError("invalid", "This is no link.", "link");
      if (deepLink?.bot.toLowerCase() !== telegram.username.toLowerCase()) {
        throw new SandboxError("not_found", "The link opens no bot of the sandbox.", "link");
      }
      return telegram.start(user, deepLink.payload);
    },
    async tapButton({ channel, userId, messageId, label }) {
      return messenger(channel).tap(userId, messageId, label);
    },
    async sendText({ channel, userId, text }) {
      return messenger(channel).sendText(userId, text);
    },
    async setBlocked({ channel, userId, blocked }) {
      return messenger(channel).setBlocked(userId, blocked);
    },
    async getChat({ channel, userId }) {
      return messenger(channel).chat(userId);
    },
    close: () => telegram.close(),
  };
}
