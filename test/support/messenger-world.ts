// One pretend messenger of the test process, behind real HTTP and the fault proxy, for whole
// services that come and go while it stays; and the person who logs in. The stage for bots alone is
// test/channels/bot-stage.ts.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandbox } from "../../src/sandbox/sandbox.ts";
import { awaitAnswer, awaitCondition } from "./await-condition.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { learnSecret } from "./leaks.ts";

/** Which messenger. */
export type WorldChannel = "telegram" | "max";

/** The person of this world. */
const ANNA = { id: "4242", firstName: "Анна", lang: "en" };

/** A message of the bot, as the person sees it. */
export interface SeenMessage {
  readonly messageId: string;
  readonly text: string;
  readonly buttons: readonly { readonly label: string; readonly url?: string }[];
}

/** The messenger and its person. */
export interface MessengerWorld {
  /** Stands before the messenger's API. */
  readonly proxy: FaultProxy;
  /** Settings that make a service use it. */
  readonly env: Readonly<Record<string, string>>;
  /** The person opens the bot with the payload of this link. Does not wait for the bot. */
  open(link: string | null): void;
  /** The person taps a button of the bot's last message. Does not wait for the bot. */
  tap(label: string): void;
  /** What the bot has written, oldest first. */
  messages(): readonly SeenMessage[];
  /** The bot's last message, once it has exactly these buttons. */
  until(labels: readonly string[]): Promise<SeenMessage>;
  /** Whether a webhook was registered. */
  isRegistered(): boolean;
  /** Resolves once so many calls of that name have come. */
  untilCalled(call: string, times: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts it. Every update is delivered in two pieces, torn inside a character of the person's name.
 * In MAX every link tells the bot, and there are no rate limits.
 */
export async function startMessengerWorld(channel: WorldChannel): Promise<MessengerWorld> {
  let url = "";
  const sandbox = createSandbox({
    publicUrl: () => url,
    telegramRules: { retryScale: 0.01 },
    maxRules: { rateLimits: false, botStarted: "always", webhookUrls: "any", retryScale: 0.002 },
  });
  const server = createServer((req, res) => void sandbox.handle(req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const messenger = sandbox[channel];
  messenger.faults.splitUtf8 = true;
  learnSecret("a bot token", messenger.token);
  const proxy =
    channel === "telegram"
      ? await startFaultProxy(sandbox.telegramApiRoot())
      : await startFaultProxy(sandbox.maxApiRoot(), (method, path) => `${method} ${path}`);
  const name = channel.toUpperCase();
  const messages = () => messenger.chat(ANNA.id).messages.filter(({ from }) => from === "bot");
  return {
    proxy,
    env: {
      TAPIN_SANDBOX: "off",
      [`TAPIN_${name}_TOKEN`]: messenger.token,
      [`TAPIN_${name}_API_URL`]: proxy.url,
    },
    open: (link) => {
      const payload = new URL(link ?? "").searchParams.get("start") ?? "";
      void messenger.start(ANNA, payload);
    },
    tap: (label) => void messenger.tap(ANNA.id, messages().at(-1)?.messageId ?? "", label),
    messages,
    until: (labels) =>
      awaitAnswer(
        `a message with the buttons ${labels.join(", ")}`,
        async () => {
          const last = messages().at(-1);
          const shown = last?.buttons.map(({ label }) => label).join();
          return last !== undefined && shown === labels.join() ? last : null;
        },
        60_000,
      ),
    isRegistered: () =>
      proxy
        .callsOf(channel === "telegram" ? "setWebhook" : "POST /subscriptions")
        .some(({ answered }) => answered),
    untilCalled: (call, times) =>
      awaitCondition(
        `${times} calls of ${call}`,
        async () => proxy.callsOf(call).length >= times,
        60_000,
      ),
    async close() {
      sandbox.close();
      await proxy.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
