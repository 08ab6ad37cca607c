// A pretend Telegram of the test process with several bots at one address, as the real one has
// them. Each is a sandbox of its own behind it, which knows one bot only: the name and the token
// are given here.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";
import { learnSecret } from "./leaks.ts";

/** A bot, and what people do in it. */
export interface PretendBot {
  readonly username: string;
  readonly token: string;
  readonly sandbox: Sandbox;
  /** Names of the methods called, in order. */
  readonly calls: readonly string[];
  /** `traceparent` and `tracestate` of the calls that had them, after the method's name. */
  readonly traces: readonly (readonly [method: string, parent: string, state: string])[];
  /** Secret of the webhook that was set last; empty = none was. */
  readonly webhookSecret: string;
  /** False from now on: the token is refused. */
  tokenValid: boolean;
  /** False from now on: calls get no answer, their connection ends. */
  reachable: boolean;
  /** How many calls got none. */
  readonly refusedCalls: number;
  /** Address of the webhook; empty = none. */
  webhookUrl(): Promise<string>;
  /**
   * A person opens a link to this bot and presses START; the texts of the chat. Rejects on a link
   * to another bot.
   */
  open(link: string | null, userId: string): Promise<readonly string[]>;
  /** Taps a button of the newest message; the address behind the first button with one, or null. */
  tap(label: string, userId: string): Promise<string | null>;
}

/** The running pretend Telegram. */
export interface BotApi {
  readonly url: string;
  /** The bot of that position among the usernames. */
  bot(index: number): PretendBot;
  /** Settings that make a service use it, with the first bot as its own. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

type KnownBot = { -readonly [Key in keyof PretendBot]: PretendBot[Key] };

/** Starts it with bots of these usernames. */
export async function startBotApi(usernames: readonly string[]): Promise<BotApi> {
  const server = createServer((req, res) => void answer(bots, req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bots = usernames.map((username, index) => makeBot(url, username, index));
  const bot = (index: number) => {
    const found = bots[index];
    if (found === undefined) throw new Error(`there is no bot ${index}`);
    return found;
  };
  return {
    url,
    bot,
    env: {
      TAPIN_SANDBOX: "off",
      TAPIN_TELEGRAM_TOKEN: bot(0).token,
      TAPIN_TELEGRAM_API_URL: url,
    },
    async close() {
      for (const { sandbox } of bots) sandbox.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function makeBot(url: string, username: string, index: number): KnownBot {
  const sandbox = createSandbox({ publicUrl: () => url });
  const { token: innerToken, username: innerName } = sandbox.telegram;
  const token = innerToken.replace(/^\d+/, String(900_001 + index));
  learnSecret("a bot token", token);
  return {
    username,
    token,
    sandbox,
    calls: [],
    traces: [],
    webhookSecret: "",
    tokenValid: true,
    reachable: true,
    refusedCalls: 0,
    async webhookUrl() {
      const info = await fetch(`${url}/bot${token}/getWebhookInfo`);
      return ((await info.json()) as { result: { url: string } }).result.url;
    },
    async open(link, userId) {
      const address = new URL(link ?? "");
      if (address.pathname !== `/${username}`) throw new Error(`${link} leads to another bot`);
      address.pathname = `/${innerName}`;
      const user = { id: userId, firstName: "Anna", lang: "en" };
      const { messages } = await sandbox.openLink({ link: address.href, user });
      return messages.map(({ text }) => text);
    },
    async tap(label, userId) {
      const owner = { channel: "telegram", userId } as const;
      const messageId = (await sandbox.getChat(owner)).messages.at(-1)?.messageId ?? "";
      const { messages } = await sandbox.tapButton({ ...owner, messageId, label });
      return messages.at(-1)?.buttons.find(({ url }) => url !== undefined)?.url ?? null;
    },
  };
}

const JSON_TYPE = { "content-type": "application/json" };

async function answer(
  bots: readonly KnownBot[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  // A download is a call without a method: `/file/bot<token>/<path>`.
  const [, file, token = "", method = ""] =
    /^(\/file)?\/bot([^/]+)\/(.+)$/.exec(req.url ?? "") ?? [];
  const bot = bots.find((each) => each.token === token && each.tokenValid);
  if (bot === undefined) {
    const refusal = { ok: false, error_code: 401, description: "Unauthorized" };
    res.writeHead(401, JSON_TYPE).end(JSON.stringify(refusal));
    return;
  }
  if (!bot.reachable) {
    bot.refusedCalls += 1;
    req.socket.destroy();
    return;
  }
  const name = file === undefined ? method : "file";
  bot.calls = [...bot.calls, name];
  const { traceparent, tracestate = "" } = req.headers;
  if (traceparent !== undefined) {
    bot.traces = [...bot.traces, [name, String(traceparent), String(tracestate)]];
  }
  if (file !== undefined) {
    req.url = `/sandbox/telegram-api/file/bot${bot.sandbox.telegram.token}/${method}`;
    await bot.sandbox.handle(req, res);
    return;
  }
  if (method === "getMe") {
    const { username } = bot;
    const id = Number(token.split(":")[0]);
    const result = { id, is_bot: true, first_name: username, username };
    res.writeHead(200, JSON_TYPE).end(JSON.stringify({ ok: true, result }));
    return;
  }
  if (method === "setWebhook") {
    const [copy, whole] = await readTwice(req);
    bot.webhookSecret = String(JSON.parse(copy).secret_token ?? "");
    await pass(bot, whole, { res, method });
    return;
  }
  await pass(bot, req, { res, method });
}

async function pass(
  { sandbox }: KnownBot,
  req: IncomingMessage,
  { res, method }: { res: ServerResponse; method: string },
): Promise<void> {
  req.url = `/sandbox/telegram-api/bot${sandbox.telegram.token}/${method}`;
  await sandbox.handle(req, res);
}

/** The body, and the request as if it had not been read. */
async function readTwice(req: IncomingMessage): Promise<[string, IncomingMessage]> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  const again = Object.assign(Object.create(req), {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  }) as IncomingMessage;
  return [Buffer.concat(chunks).toString(), again];
}
