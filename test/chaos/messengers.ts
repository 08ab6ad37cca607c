// The pretend Telegram and MAX in the process of the test, where no killed process takes their
// memory along, and people in them who do what people do when nothing happens: they try again.

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
  /**
   * Opens the link and taps Login, again and again until the chat shows the button with the code,
   * which is the answer, or the session is over without one.
   */
  logIn(link: string, over: AbortSignal): Promise<string | null>;
}

/** Milliseconds until a person who sees no answer does the same once more. */
const IMPATIENT_MS = 4_000;

/** Milliseconds until a person gives up. */
const PATIENCE_MS = 200_000;

/** Starts both. */
export async function startPeople(): Promise<Messengers> {
  const { sandbox, telegramEnv, maxEnv, close } = await startMessengers({
    telegramRules: { retryScale: 0.1 },
    // A dialog is told of every link: what people send instead of pressing it is another test's
    // business.
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
    async logIn(link, over) {
      const giveUpAt = performance.now() + PATIENCE_MS;
      const open = () => sandbox.openLink({ link, user });
      // Who opened the link twice is asked twice, and the newest question counts.
      const tap = async () => {
        const messageId = (await newest())?.messageId ?? "";
        await sandbox.tapButton({ ...owner, messageId, label: "Login" });
      };
      for (;;) {
        const before = (await newest())?.messageId;
        await insist(open, over, async () => {
          const seen = await newest();
          return seen !== null && seen.messageId !== before ? seen : null;
        });
        const decided = await insist(tap, over, async () => {
          const seen = await newest();
          return seen !== null && !seen.labels.includes("Login") ? seen : null;
        });
        // A question may have been replaced by one that a dying process never sent.
        if (decided?.code != null || over.aborted) return decided?.code ?? null;
        if (performance.now() > giveUpAt) throw new Error("the bot never let the person in");
      }
    },
  };
}

/**
 * Does something, and the same again every few seconds until its effect is seen, or all is over.
 */
async function insist<T>(
  act: () => Promise<unknown>,
  over: AbortSignal,
  look: () => Promise<T | null>,
): Promise<T | null> {
  for (;;) {
    // What is too late, such as a tap on a button that has just gone, shows in the chat.
    await act().catch(() => undefined);
    const seen = await awaitAnswer("the bot reacts", look, IMPATIENT_MS).catch(() => null);
    if (seen !== null || over.aborted) return seen;
  }
}
