// The pretend Telegram and MAX in the process of the test, where no killed process takes their memory along, and people
// in them who do what people do when nothing happens: they try again.

import type { Sandbox, SandboxChannel } from "../../src/sandbox/sandbox.ts";
import { awaitAnswer } from "../support/await-condition.ts";
import { startMessengers } from "../support/messenger-server.ts";

/** Both messengers. */
export interface Messengers {
  /** Settings that make a service use them. */
  readonly env: Readonly<Record<string, string>>;
  /** A person of that id in one of them. */
  person(channel: SandboxChannel, userId: string): ChaosPerson;
  close(): Promise<void>;
}

/** A person who wants to log in. */
export interface ChaosPerson {
  /** `<channel>:<user id>`. */
  readonly name: string;
  readonly channel: SandboxChannel;
  /** Opens the link, taps Login, and answers with the code of the button, or null when the chat says that it is too late. */
  logIn(link: string): Promise<string | null>;
}

/** Milliseconds until a person who sees no answer does the same once more. */
const IMPATIENT_MS = 4_000;

/** Milliseconds until a person gives up: what a dead process left half done is taken up after 90 s. */
const PATIENCE_MS = 150_000;

/** Starts both. */
export async function startPeople(): Promise<Messengers> {
  const { sandbox, telegramEnv, maxEnv, close } = await startMessengers({
    telegramRules: { retryScale: 0.1 },
    // A dialog is told of every link: what people send instead of pressing it is another test's business.
    maxRules: { webhookUrls: "any", retryScale: 0.01, botStarted: "always" },
  });
  return {
    env: { ...telegramEnv, ...maxEnv },
    person: (channel, userId) => makePerson(sandbox, channel, userId),
    close,
  };
}

interface Seen {
  readonly messageId: string;
  readonly labels: readonly string[];
  readonly code: string | null;
}

function makePerson(sandbox: Sandbox, channel: SandboxChannel, userId: string): ChaosPerson {
  const owner = { channel, userId };
  const user = { id: userId, firstName: "Ann", lang: "en" };
  const newest = async (): Promise<Seen | null> => {
    const chat = await sandbox.getChat(owner).catch(() => null);
    const message = chat?.messages.findLast(({ from }) => from === "bot");
    if (message === undefined) return null;
    const address = message.buttons.find(({ url }) => url !== undefined)?.url;
    const code = address === undefined ? null : new URL(address).searchParams.get("code");
    const labels = message.buttons.map(({ label }) => label);
    return { messageId: message.messageId, labels, code };
  };
  return {
    name: `${channel}:${userId}`,
    channel,
    async logIn(link) {
      const before = (await newest())?.messageId;
      const open = () => sandbox.openLink({ link, user });
      const asked = await insist("the bot answers a link", open, async () => {
        const seen = await newest();
        return seen !== null && seen.messageId !== before ? seen : null;
      });
      if (!asked.labels.includes("Login")) return asked.code;
      // Who opened the link twice is asked twice, and the newest question counts.
      const tap = async () => {
        const messageId = (await newest())?.messageId ?? "";
        await sandbox.tapButton({ ...owner, messageId, label: "Login" });
      };
      const decided = await insist("the message says what became of it", tap, async () => {
        const seen = await newest();
        return seen !== null && !seen.labels.includes("Login") ? seen : null;
      });
      return decided.code;
    },
  };
}

/** Does something, and the same again every few seconds until its effect is seen. */
async function insist<T>(
  what: string,
  act: () => Promise<unknown>,
  look: () => Promise<T | null>,
): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    // What is too late, such as a tap on a button that has just gone, shows in the chat.
    await act().catch(() => undefined);
    const seen = await awaitAnswer(what, look, IMPATIENT_MS).catch(() => null);
    if (seen !== null) return seen;
    if (performance.now() > giveUpAt) throw new Error(`not seen: ${what}`);
  }
}
