// The stage for bots: a pretend messenger behind real HTTP, the fault proxy before it, an endpoint
// for webhooks, and bots whose handlers a test can script. The same for both messengers and both
// ways updates come. No assertions live here, but for two: no secret in any log, and nothing that
// MAX's schema does not have.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Bot, BotTiming, UpdateMode } from "../../src/channels/bot.ts";
import type { BotLog } from "../../src/channels/bot-log.ts";
import { createMaxBot, MAX_SECRET_HEADER } from "../../src/channels/max.ts";
import type { PollingLease } from "../../src/channels/polling-lease.ts";
import { createTelegramBot, TELEGRAM_SECRET_HEADER } from "../../src/channels/telegram.ts";
import type { BotHandlers } from "../../src/core/bot-ports.ts";
import { CHANNELS, type Channel } from "../../src/core/subscriber.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { assertAnswer, assertRequest, assertUpdate, maxCallName } from "../support/max-schema.ts";
import { HookEndpoint } from "./hook-endpoint.ts";
import { CALLS } from "./messenger-calls.ts";
import { ScriptedHandlers, SITE_URL } from "./scripted-handlers.ts";

/** How updates come. */
export type Mode = UpdateMode["kind"];

/** Every messenger, with updates polled and delivered. */
export const STAGES: readonly { readonly channel: Channel; readonly mode: Mode }[] =
  CHANNELS.flatMap((channel) =>
    (["polling", "webhook"] as const).map((mode) => ({ channel, mode })),
  );

/** Two people. */
export const ANNA = { id: "4242", lang: "en" };
export const IVAN = { id: "5151", lang: "ru" };

/** What the Login button of the first prompt carries. */
export const LOGIN = "l:Token00000000000000001";

/** One line of the log. */
export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** A lease nobody else wants. */
export const ALWAYS: PollingLease = {
  ttlSeconds: 30,
  acquire: async () => true,
  release: async () => undefined,
};

/** Pauses that keep tests short. */
export const FAST: Partial<BotTiming> = {
  firstBackoffMs: 20,
  longestBackoffMs: 100,
  drainMs: 500,
  leaseRetryMs: 20,
  reconcileMs: 30,
  sweepMs: 20,
};

/** Secret of the test's webhooks. */
export const SECRET = "webhook-secret_0123456789";

const SECRET_HEADERS = { telegram: TELEGRAM_SECRET_HEADER, max: MAX_SECRET_HEADER } as const;

/** What a bot on the stage differs in. */
export interface BotChange {
  readonly lease?: PollingLease;
  readonly token?: string;
  readonly tokenAdvice?: string;
  readonly handlers?: BotHandlers;
  readonly timing?: Partial<BotTiming>;
  readonly updates?: UpdateMode;
  readonly dialogSpacingMs?: number;
  readonly caFile?: string;
}

/** A person of the stage. */
export interface StagePerson {
  readonly id: string;
  readonly lang?: string;
  readonly firstName?: string;
}

/** The stage. */
export class Stage {
  readonly channel: Channel;
  readonly mode: Mode;
  readonly sandbox: Sandbox;
  readonly proxy: FaultProxy;
  readonly handlers = new ScriptedHandlers();
  readonly log: LogLine[] = [];
  /** Where webhooks come in. */
  readonly hook: HookEndpoint;
  /** Where webhooks go; the last part of the path is a secret. */
  readonly hookUrl: string;
  readonly #server: http.Server;
  readonly #bots: Bot[] = [];

  constructor(parts: {
    channel: Channel;
    mode: Mode;
    sandbox: Sandbox;
    proxy: FaultProxy;
    server: http.Server;
    url: string;
  }) {
    this.channel = parts.channel;
    this.mode = parts.mode;
    this.sandbox = parts.sandbox;
    this.proxy = parts.proxy;
    this.#server = parts.server;
    this.hookUrl = `${parts.url}/hooks/unguessable-path`;
    this.hook = new HookEndpoint({
      path: new URL(this.hookUrl).pathname,
      secretHeader: SECRET_HEADERS[parts.channel],
      secret: SECRET,
    });
  }

  /** The messenger's API calls. */
  get calls(): (typeof CALLS)[Channel] {
    return CALLS[this.channel];
  }

  /** The messenger under test. */
  get messenger() {
    return this.sandbox[this.channel];
  }

  /** The bot's token. */
  get token(): string {
    return this.messenger.token;
  }

  /** A bot that talks through the proxy, and stops with the stage. Webhooks go to the last one. */
  bot(change: BotChange = {}): Bot {
    const options = {
      token: change.token ?? this.token,
      apiUrl: this.proxy.url,
      handlers: change.handlers ?? this.handlers,
      updates: change.updates ?? this.#updates(change.lease ?? ALWAYS),
      log: this.logger(),
      timing: { ...FAST, ...change.timing },
      ...(change.tokenAdvice === undefined ? {} : { tokenAdvice: change.tokenAdvice }),
    };
    const bot =
      this.channel === "telegram"
        ? createTelegramBot(options)
        : createMaxBot({
            ...options,
            caFile: change.caFile ?? null,
            dialogSpacingMs: change.dialogSpacingMs ?? 0,
          });
    this.#bots.push(bot);
    this.hook.receiver = bot;
    return bot;
  }

  /** A bot that has begun to poll, or has its webhook registered. */
  async startedBot(change: BotChange = {}): Promise<Bot> {
    const bot = this.bot(change);
    const mode = change.updates?.kind ?? this.mode;
    const before = this.#timesBegun(mode);
    await bot.start();
    await this.until(() => this.#timesBegun(mode) > before);
    return bot;
  }

  /** Resolves once the stage's first bot gets updates. */
  async begun(): Promise<void> {
    await this.until(() => this.#timesBegun(this.mode) > 0);
  }

  #timesBegun(mode: Mode): number {
    if (mode === "polling") return this.proxy.callsOf(this.calls.poll).length;
    return this.lines("info").filter(isAboutRegistration).length;
  }

  /**
   * The bot's process dies where it stands: nothing it still does reaches the messenger, and
   * nothing reaches it.
   */
  async crash(bot: Bot): Promise<void> {
    this.proxy.setDown(true);
    this.hook.breakOff();
    await bot.stop();
    this.proxy.setDown(false);
  }

  /** The person opens a link of the bot. Without a payload: the bot itself. */
  async open(payload: string, user: StagePerson) {
    return await this.messenger.start({ firstName: "Anna", ...user }, payload);
  }

  /** The person opens a session's link; answers with the prompt, once the handlers know of it. */
  async openPrompt(user: StagePerson = ANNA) {
    const before = this.handlers.of("shown").length;
    await this.open("auths_aBcDeFgH12345678", user);
    await this.until(() => this.handlers.of("shown").length > before);
    return this.lastMessage(user.id);
  }

  /** The person types. */
  async say(userId: string, text: string) {
    return await this.messenger.sendText(userId, text);
  }

  /** The person taps a button. */
  async tap(userId: string, messageId: string, label: string) {
    return await this.messenger.tap(userId, messageId, label);
  }

  /** The person's app sends any data as a tap. */
  async tapData(userId: string, messageId: string, data: string) {
    const { telegram, max } = this.sandbox;
    return this.channel === "telegram"
      ? await telegram.tapData(userId, messageId, data)
      : await max.tapPayload(userId, messageId, data);
  }

  /** Somebody deletes a message of the bot, and the bot is not told. */
  async deleteMessage(userId: string, messageId: string): Promise<void> {
    if (this.channel === "max") return this.sandbox.max.deleteMessage(userId, messageId);
    await this.call("deleteMessage", { chat_id: Number(userId), message_id: Number(messageId) });
  }

  /** The next calls go wrong in this way. */
  fail(call: keyof (typeof CALLS)[Channel], fault: Fault, times = 1): void {
    this.proxy.fail(this.calls[call], fault, times);
  }

  /** What the bot has written to a person, oldest first. */
  botMessages(userId: string) {
    return this.messenger.chat(userId).messages.filter((message) => message.from === "bot");
  }

  /** The bot's last message to a person. */
  lastMessage(userId: string) {
    const message = this.botMessages(userId).at(-1);
    if (message === undefined) throw new Error("the bot has written nothing");
    return message;
  }

  /** The buttons under the bot's last message. */
  buttons(userId: string = ANNA.id) {
    return this.lastMessage(userId).buttons;
  }

  /** Whether the bot's last message has the website's button, and no other. */
  isConfirmed(userId: string = ANNA.id): boolean {
    const [site, ...others] = this.buttons(userId);
    return site?.url === SITE_URL && others.length === 0;
  }

  /** Resolves as soon as the condition holds; looks again every few ms. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** A call of Telegram's API that does not go through the proxy. */
  async call(method: string, body: object = {}): Promise<{ ok: boolean; result: unknown }> {
    const root = `${this.sandbox.telegramApiRoot()}/bot${this.sandbox.telegram.token}`;
    return await postJson(`${root}/${method}`, body);
  }

  /** A call of MAX's API that does not go through the proxy. */
  async callMax(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.sandbox.maxApiRoot()}${path}`, {
      method,
      headers: { authorization: this.sandbox.max.token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  }

  /** Registers somebody's webhook behind the bot's back. */
  async registerForeign(url: string): Promise<void> {
    if (this.channel === "telegram") await this.call("setWebhook", { url });
    else await this.callMax("POST", "/subscriptions", { url });
  }

  /** Removes a webhook behind the bot's back. */
  async unregister(url: string): Promise<void> {
    if (this.channel === "telegram") await this.call("deleteWebhook");
    else await this.callMax("DELETE", `/subscriptions?url=${encodeURIComponent(url)}`);
  }

  /** URLs of the webhooks that are registered. */
  async registered(): Promise<readonly string[]> {
    if (this.channel === "telegram") {
      const { url } = (await this.call("getWebhookInfo")).result as { url: string };
      return url === "" ? [] : [url];
    }
    const { subscriptions } = await this.callMax("GET", "/subscriptions");
    return (subscriptions as { url: string }[]).map(({ url }) => url);
  }

  /** The log lines of these levels. */
  lines(...levels: LogLine["level"][]): readonly LogLine[] {
    return this.log.filter((line) => levels.includes(line.level));
  }

  /** A log that is kept. */
  logger(): BotLog {
    const write = (level: LogLine["level"]) => (fields: object, message: string) => {
      this.log.push({ level, fields, message });
    };
    return { info: write("info"), warn: write("warn"), error: write("error") };
  }

  /**
   * Closes the stage. Throws when a secret has got into the log or into a note, and when anything
   * between the bot and MAX does not fit what MAX publishes.
   */
  async close(): Promise<void> {
    await Promise.all(this.#bots.map((bot) => bot.stop()));
    this.sandbox.close();
    await this.proxy.close();
    this.#server.close();
    this.#server.closeAllConnections();
    this.#checkSecrets();
    if (this.channel === "max") this.#checkShapes();
  }

  #checkShapes(): void {
    for (const update of this.hook.delivered) assertUpdate(update as { update_type: string });
    for (const { method: call, body, answer } of this.proxy.calls) {
      const name = maxCallName(...(call.split(" ") as [string, string]));
      // MAX takes https only, and this stage has none.
      if (name !== "POST /subscriptions") assertRequest(name, body);
      if (answer !== null) assertAnswer(name, answer);
    }
  }

  #checkSecrets(): void {
    const log = JSON.stringify(this.log);
    const written = log + JSON.stringify([...this.handlers.notebook.notes]);
    const secrets = [this.token, SECRET, "SECRETCODE"].filter((secret) => written.includes(secret));
    if (log.includes("unguessable-path")) secrets.push("path of the webhook");
    if (secrets.length > 0) throw new Error(`secrets were written: ${secrets.join(", ")}`);
  }

  #updates(lease: PollingLease): UpdateMode {
    return this.mode === "polling"
      ? { kind: "polling", lease, ownWebhookUrl: this.hookUrl }
      : { kind: "webhook", url: this.hookUrl, secret: SECRET };
  }
}

function isAboutRegistration({ message }: LogLine): boolean {
  return message.endsWith("delivers updates to the webhook");
}

async function postJson(url: string, body: object): Promise<{ ok: boolean; result: unknown }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as { ok: boolean; result: unknown };
}

/**
 * Sets the stage: no bot runs yet. In MAX opening a link always tells the bot here, and there are
 * no rate limits.
 */
export async function setStage(
  { channel, mode, now }: { channel: Channel; mode: Mode; now?: () => number } = {
    channel: "telegram",
    mode: "polling",
  },
): Promise<Stage> {
  let publicUrl = "";
  let stage: Stage | null = null;
  const sandbox = createSandbox({
    publicUrl: () => publicUrl,
    ...(now && { now }),
    telegramRules: { retryScale: 0.01 },
    maxRules: { rateLimits: false, botStarted: "always", webhookUrls: "any", retryScale: 0.0005 },
  });
  const server = http.createServer((req, res) => {
    if (req.url?.startsWith("/hooks/") === true) void stage?.hook.answer(req, res);
    else void sandbox.handle(req, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  publicUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy =
    channel === "telegram"
      ? await startFaultProxy(sandbox.telegramApiRoot())
      : await startFaultProxy(sandbox.maxApiRoot(), (httpMethod, path) => `${httpMethod} ${path}`);
  stage = new Stage({ channel, mode, sandbox, proxy, server, url: publicUrl });
  return stage;
}
