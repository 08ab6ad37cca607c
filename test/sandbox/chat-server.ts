// A sandbox behind a real socket for the tests of this folder: the pretend messengers, the REST
// form of the sandbox service laid thinly over them, and a small grammY bot that asks to log in.
// Not the service of src/server; that has its own tests.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Bot, InlineKeyboard } from "grammy";
import { type Chat, SandboxError } from "../../src/sandbox/chat.ts";
import {
  createSandbox,
  type Sandbox,
  type SandboxChannel,
  type SandboxOptions,
} from "../../src/sandbox/sandbox.ts";

/** A sandbox that can be reached. */
export interface SandboxServer {
  readonly sandbox: Sandbox;
  readonly url: string;
  /** One call of the Bot API with JSON. */
  call(method: string, args?: object): Promise<ApiReply>;
  close(): Promise<void>;
}

/** What the Bot API answers. */
export interface ApiReply {
  readonly status: number;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error_code?: number;
  readonly description?: string;
}

type Body = Readonly<Record<string, string>> & {
  readonly channel?: SandboxChannel;
  readonly blocked?: boolean;
  readonly user?: Readonly<Record<string, string>>;
};

function restChat(chat: Chat): object {
  const messages = chat.messages.map(({ messageId, ...rest }) => ({
    message_id: messageId,
    ...rest,
  }));
  return { messages };
}

function runWish(sandbox: Sandbox, path: string, body: Body): Promise<Chat> {
  const { link = "", user_id: userId = "", message_id: messageId = "", label = "" } = body;
  const owner = { channel: body.channel ?? "telegram", userId } as const;
  if (path === "open") {
    const { id = "", first_name: firstName = "", lang = "", last_name, username } = body.user ?? {};
    const names = { ...(last_name && { lastName: last_name }), ...(username && { username }) };
    return sandbox.openLink({ link, user: { id, firstName, lang, ...names } });
  }
  if (path === "tap") return sandbox.tapButton({ ...owner, messageId, label });
  if (path === "text") return sandbox.sendText({ ...owner, text: body.text ?? "" });
  if (path === "block") return sandbox.setBlocked({ ...owner, blocked: body.blocked === true });
  const [, channel, id = ""] = path.split("/");
  return sandbox.getChat({ channel: channel === "telegram" ? channel : "max", userId: id });
}

async function serveRest(sandbox: Sandbox, req: IncomingMessage, res: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString() || "{}") as Body;
  const path = (req.url ?? "").slice("/v1/sandbox/".length);
  res.setHeader("content-type", "application/json");
  try {
    res.end(JSON.stringify(restChat(await runWish(sandbox, path, body))));
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    res.statusCode = error.kind === "invalid" ? 400 : 404;
    res.end(JSON.stringify({ error: error.message, code: error.kind, retryable: false }));
  }
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a sandbox on a free port. */
export async function startSandboxServer(
  options: Omit<SandboxOptions, "publicUrl"> = {},
): Promise<SandboxServer> {
  const server = createServer((req, res) => {
    const isRest = req.url?.startsWith("/v1/sandbox/") === true;
    void (isRest ? serveRest(sandbox, req, res) : sandbox.handle(req, res));
  });
  const sandbox = createSandbox({ publicUrl: () => addressOf(server), ...options });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = addressOf(server);
  return {
    sandbox,
    url,
    async call(method, args = {}) {
      const response = await fetch(
        `${sandbox.telegramApiRoot()}/bot${sandbox.telegram.token}/${method}`,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(args),
        },
      );
      return { status: response.status, ...((await response.json()) as Omit<ApiReply, "status">) };
    },
    async close() {
      sandbox.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A grammY bot for a sandbox, unchanged but for the API root. */
export function makeBot(sandbox: Sandbox): Bot {
  return new Bot(sandbox.telegram.token, { client: { apiRoot: sandbox.telegramApiRoot() } });
}

/** Starts polling; resolves when the bot is ready, to a function that stops it. */
export async function startPolling(bot: Bot): Promise<() => Promise<void>> {
  const ready = Promise.withResolvers<void>();
  const running = bot.start({ onStart: () => ready.resolve() });
  await Promise.race([ready.promise, running]);
  return async () => {
    await bot.stop();
    await running;
  };
}

/**
 * A bot that answers `/start` with Login and Cancel, and a tap by editing that message; it echoes
 * any other text.
 */
export function makeLoginBot(sandbox: Sandbox): Bot {
  const bot = makeBot(sandbox);
  bot.command("start", async (context) => {
    const isRussian = context.from?.language_code === "ru";
    const keyboard = new InlineKeyboard()
      .text(isRussian ? "Войти" : "Login", `l:${context.match}`)
      .row()
      .text(isRussian ? "Отмена" : "Cancel", "c");
    const text = isRussian
      ? "Войти в «Кофейню на углу»?\nСайт: demo.example\nЗапрос: Firefox, Linux, только что\n\nПодтверждайте, только если сами открыли эту страницу."
      : "Sign in to Corner Coffee?\nSite: demo.example\nRequest from Firefox, Linux, just now\n\nOnly confirm if you opened this page yourself.";
    await context.reply(text, { reply_markup: keyboard, protect_content: true });
  });
  bot.callbackQuery(/^l:/, async (context) => {
    await context.answerCallbackQuery();
    const isRussian = context.from.language_code === "ru";
    const label = isRussian ? "Перейти на сайт" : "Go to website";
    await context.editMessageText(
      isRussian ? "Вход подтверждён. Продолжите на сайте:" : "Confirmed. Continue on the site:",
      { reply_markup: new InlineKeyboard().url(label, "https://demo.example/callback?code=abc") },
    );
  });
  bot.callbackQuery("c", async (context) => {
    await context.answerCallbackQuery();
    await context.editMessageText("Sign-in cancelled.");
  });
  bot.on("message:text", (context) => context.reply(`You said: ${context.message.text}`));
  return bot;
}
