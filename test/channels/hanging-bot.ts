// A bot for bot-takeover.test.ts to kill: whatever a person does, it says "handling" and never
// comes back. Its notes are kept by whoever started it.

import { createMaxBot } from "../../src/channels/max.ts";
import { createTelegramBot } from "../../src/channels/telegram.ts";
import type { UpdateState } from "../../src/core/bot-ports.ts";
import type { Screen } from "../../src/core/prompt.ts";

const hang = () => {
  process.stdout.write("handling\n");
  return new Promise<Screen>(() => undefined);
};

async function note(update: object): Promise<UpdateState> {
  const url = process.env.BOT_NOTES_URL ?? "";
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(update) });
  return (await answer.json()) as UpdateState;
}

const options = {
  token: process.env.BOT_TOKEN ?? "",
  apiUrl: process.env.BOT_API_URL ?? "",
  handlers: {
    start: hang,
    tap: hang,
    stop: hang,
    chooseLang: hang,
    langOf: async () => "en",
    shown: async () => undefined,
    setReachable: async () => undefined,
    note,
    noteTap: async (update: object) => ({ state: await note(update), spoken: null }),
    finish: async () => undefined,
    takeUnfinished: async () => [],
    marker: async () => null,
    keepMarker: async () => undefined,
  },
  updates: {
    kind: "polling",
    lease: { ttlSeconds: 30, acquire: async () => true, release: async () => undefined },
  },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
} as const;
const isMax = process.env.BOT_CHANNEL === "max";
const bot = isMax ? createMaxBot({ ...options, caFile: null }) : createTelegramBot(options);
await bot.start();
