// The stage for Telegram tests: the pretend Telegram behind real HTTP, the fault proxy before it, and bots whose
// handlers a test can script. No assertions live here.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { BotLog } from "../../src/channels/bot-log.ts";
import type { PollingLease } from "../../src/channels/polling-lease.ts";
import {
  createTelegramBot,
  type TelegramBot,
  type TelegramTiming,
} from "../../src/channels/telegram.ts";
import type { BotHandlers } from "../../src/core/ports.ts";
import {
  type MessageRef,
  type Prompt,
  type PromptScreen,
  parseButtonData,
  type Screen,
} from "../../src/core/prompt.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";

/** Where the pretend website would be; the code in it must appear in no log. */
export const SITE_URL = "https://demo.example.com/callback?code=SECRETCODE&state=abc";

/** One line of the log. */
export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** What the handlers were told, in order. */
export type Told =
  | { readonly kind: "start"; readonly person: Person; readonly payload: string }
  | { readonly kind: "tap"; readonly person: Person; readonly data: string }
  | { readonly kind: "shown"; readonly token: string; readonly message: MessageRef }
  | { readonly kind: "stop"; readonly person: Person }
  | { readonly kind: "reachable"; readonly person: Person; readonly reachable: boolean };

/** Handlers that remember what they were told and answer as scripted. */
export class ScriptedHandlers implements BotHandlers {
  readonly told: Told[] = [];
  /** What `/start` answers. Default: a prompt with a new token. */
  onStart: (person: Person, payload: string) => Promise<Screen> = async () => this.prompt();
  /** What a tap answers. Default: Login and a number confirm, Cancel cancels. */
  onTap: (person: Person, data: string) => Promise<Screen> = async (_, data) => decided(data);
  #prompts = 0;

  /** A prompt with a token of its own. */
  prompt(change: Partial<PromptScreen> = {}): PromptScreen {
    return {
      kind: "prompt",
      token: `Token${String(++this.#prompts).padStart(17, "0")}`,
      projectName: "Demo Shop",
      host: "demo.example.com",
      ageSeconds: 12,
      browser: "Firefox on Linux",
      ip: "192.0.2.7",
      choices: null,
      ...change,
    };
  }

  async start(person: Person, payload: string): Promise<Screen> {
    this.told.push({ kind: "start", person, payload });
    return await this.onStart(person, payload);
  }

  async tap(person: Person, data: string): Promise<Screen> {
    this.told.push({ kind: "tap", person, data });
    return await this.onTap(person, data);
  }

  async shown(token: string, message: MessageRef): Promise<void> {
    this.told.push({ kind: "shown", token, message });
  }

  async stop(person: Person): Promise<Screen> {
    this.told.push({ kind: "stop", person });
    return { kind: "stopped" };
  }

  async setReachable(person: Person, reachable: boolean): Promise<void> {
    this.told.push({ kind: "reachable", person, reachable });
  }

  /** What was told of one kind. */
  of<Kind extends Told["kind"]>(kind: Kind): Extract<Told, { kind: Kind }>[] {
    return this.told.filter((told): told is Extract<Told, { kind: Kind }> => told.kind === kind);
  }
}

function decided(data: string): Screen {
  const tapped = parseButtonData(data);
  if (tapped === null) return { kind: "stale" };
  if (tapped.decision.kind === "cancel") return { kind: "cancelled" };
  return { kind: "confirmed", projectName: "Demo Shop", url: SITE_URL, fromSession: true };
}

/** A lease nobody else wants. */
export const ALWAYS: PollingLease = {
  ttlSeconds: 30,
  acquire: async () => true,
  release: async () => undefined,
};

/** Pauses that keep tests short. */
export const FAST: Partial<TelegramTiming> = {
  firstBackoffMs: 20,
  longestBackoffMs: 100,
  drainMs: 500,
  leaseRetryMs: 20,
};

/** A prompt row as settle() gets it. */
export function promptRow(change: Partial<Prompt>): Prompt {
  return {
    token: "Token00000000000000001",
    projectId: "b7d0c1de-0000-4000-8000-000000000001",
    sessionId: null,
    channel: "telegram",
    userId: "4242",
    lang: "en",
    status: "expired",
    grantId: null,
    shown: null,
    ...change,
  };
}

/** The stage. */
export class Stage {
  readonly sandbox: Sandbox;
  readonly proxy: FaultProxy;
  readonly handlers = new ScriptedHandlers();
  readonly log: LogLine[] = [];
  readonly #server: http.Server;
  readonly #bots: TelegramBot[] = [];

  constructor(parts: { sandbox: Sandbox; proxy: FaultProxy; server: http.Server }) {
    this.sandbox = parts.sandbox;
    this.proxy = parts.proxy;
    this.#server = parts.server;
  }

  /** The bot's token. */
  get token(): string {
    return this.sandbox.telegram.token;
  }

  /** A bot that talks through the proxy. It is stopped when the stage is. */
  bot(
    options: {
      lease?: PollingLease;
      token?: string;
      handlers?: BotHandlers;
      timing?: Partial<TelegramTiming>;
    } = {},
  ): TelegramBot {
    const bot = createTelegramBot({
      token: options.token ?? this.token,
      apiUrl: this.proxy.url,
      handlers: options.handlers ?? this.handlers,
      lease: options.lease ?? ALWAYS,
      log: this.#logger(),
      timing: { ...FAST, ...options.timing },
    });
    this.#bots.push(bot);
    return bot;
  }

  /** A bot that has begun to poll. */
  async startedBot(options: Parameters<Stage["bot"]>[0] = {}): Promise<TelegramBot> {
    const bot = this.bot(options);
    const before = this.proxy.callsOf("getUpdates").length;
    await bot.start();
    await this.proxy.until((proxy) => proxy.callsOf("getUpdates").length > before);
    return bot;
  }

  /** A person opens a link of the bot. */
  async open(payload: string, user: { id: string; lang?: string; firstName?: string }) {
    const link = `https://t.me/${this.sandbox.telegram.username}?start=${payload}`;
    return await this.sandbox.openLink({ link, user: { firstName: "Anna", ...user } });
  }

  /** A call of the Bot API that does not go through the proxy. */
  async call(method: string, body: object = {}): Promise<{ ok: boolean; result: unknown }> {
    const answer = await fetch(`${this.sandbox.telegramApiRoot()}/bot${this.token}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as { ok: boolean; result: unknown };
  }

  /** The log lines of these levels. */
  lines(...levels: LogLine["level"][]): readonly LogLine[] {
    return this.log.filter((line) => levels.includes(line.level));
  }

  async close(): Promise<void> {
    await Promise.all(this.#bots.map((bot) => bot.stop()));
    this.sandbox.close();
    await this.proxy.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #logger(): BotLog {
    const write = (level: LogLine["level"]) => (fields: object, message: string) => {
      this.log.push({ level, fields, message });
    };
    return { info: write("info"), warn: write("warn"), error: write("error") };
  }
}

/** Sets the stage: nothing polls yet. */
export async function setStage(): Promise<Stage> {
  let publicUrl = "";
  const sandbox = createSandbox({ publicUrl: () => publicUrl });
  const server = http.createServer((req, res) => void sandbox.handle(req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  publicUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startFaultProxy(sandbox.telegramApiRoot());
  return new Stage({ sandbox, proxy, server });
}

/** A promise and how to settle it, for handlers that must wait until a test says so. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
