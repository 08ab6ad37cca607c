// A bot for telegram-polling.test.ts to kill: whatever a person does, it says "handling" and never comes back.

import { createTelegramBot } from "../../src/channels/telegram.ts";
import type { Screen } from "../../src/core/prompt.ts";

const hang = () => {
  process.stdout.write("handling\n");
  return new Promise<Screen>(() => undefined);
};

const bot = createTelegramBot({
  token: process.env.BOT_TOKEN ?? "",
  apiUrl: process.env.BOT_API_URL ?? "",
  handlers: {
    start: hang,
    tap: hang,
    stop: hang,
    shown: async () => undefined,
    setReachable: async () => undefined,
  },
  lease: { ttlSeconds: 30, acquire: async () => true, release: async () => undefined },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
});
await bot.start();
