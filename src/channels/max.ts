// The MAX bot: MAX's side of what messenger-bot.ts brings to life. The parts are in the other
// max-*.ts files.

import type { BotAccount } from "../core/bot-ports.ts";
import { BOT_TIMING, type Bot, type BotOptions, ownWebhookUrl, secretsOf } from "./bot.ts";
import { reportTo } from "./call-report.ts";
import type { ErrorReader } from "./failure.ts";
import { createAvatarMemory } from "./max-avatars.ts";
import { createMaxClient, type MaxClient } from "./max-client.ts";
import { maxErrors } from "./max-errors.ts";
import { pollMax } from "./max-poller.ts";
import { createMaxSender } from "./max-sender.ts";
import { readMaxUpdate } from "./max-updates.ts";
import { maxWebhooks } from "./max-webhook.ts";
import { commandsOf } from "./messages.ts";
import { createMessengerBot } from "./messenger-bot.ts";
import type { MessengerSide } from "./messenger-side.ts";
import { CaFileError } from "./runtime-fetch.ts";

/** The header in which MAX sends a webhook's secret, in lower case. */
export const MAX_SECRET_HEADER = "x-max-bot-api-secret";

/** What a MAX bot is made of. `apiUrl` null = https://platform-api2.max.ru. */
export interface MaxBotOptions extends BotOptions {
  /** PEM file of a certificate authority to trust besides the runtime's own; null = none. */
  readonly caFile: string | null;
  /**
   * Pause between two calls about one dialog, in milliseconds. Default 500: MAX takes two a second.
   */
  readonly dialogSpacingMs?: number;
}

/** Makes a bot; nothing happens before start(). */
export function createMaxBot(options: MaxBotOptions): Bot {
  const timing = { ...BOT_TIMING, ...options.timing };
  const { token, log, updates, dialogSpacingMs, tokenAdvice } = options;
  const advice = tokenAdvice === undefined ? {} : { tokenAdvice };
  const client = createMaxClient({
    token,
    apiUrl: options.apiUrl,
    caFile: options.caFile,
    ...reportTo("max", options.onCall),
  });
  const errors = maxErrors(token, ...secretsOf(updates));
  const webhooks = maxWebhooks(client);
  const avatars = createAvatarMemory(client);
  const side: MessengerSide = {
    channel: "max",
    name: "MAX",
    errors,
    messenger: createMaxSender({
      client,
      name: "MAX",
      errors,
      log,
      ...(dialogSpacingMs === undefined ? {} : { dialogSpacingMs }),
    }),
    webhooks,
    read: readMaxUpdate,
    completePerson: avatars.complete,
    knownPerson: avatars.known,
    askAccount: (signal) => askAccount(client, signal),
    fatal: (error) => fatalSentence(errors, error),
    setCommands: (signal) => setCommands(client, signal),
    poll: (inbox, signal) =>
      pollMax(
        {
          client,
          handlers: options.handlers,
          webhooks,
          ownWebhookUrl: ownWebhookUrl(updates),
          inbox,
          timing,
          log,
          errors,
          ...advice,
        },
        signal,
      ),
  };
  return createMessengerBot(side, options, timing);
}

async function askAccount(client: MaxClient, signal: AbortSignal): Promise<BotAccount> {
  const { user_id: id, username } = await client.getMe(signal);
  return { messengerBotId: String(id), username: username ?? "" };
}

function fatalSentence(errors: ErrorReader, error: unknown): string | null {
  if (error instanceof CaFileError) return `${error.message} It is set for MAX`;
  if (errors.failureOf(error) !== "wrong_token") return null;
  return "MAX refuses the bot token. Copy it again from the bot's page at MAX, and check the address of the API";
}

// There is one list for everybody, and MAX speaks Russian.
async function setCommands(client: MaxClient, signal: AbortSignal): Promise<void> {
  const commands = commandsOf("ru").map(({ command, description }) => ({
    name: command,
    description,
  }));
  await client.setCommands(commands, signal);
}
