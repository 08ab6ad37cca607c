// A pretend Telegram of the test's own, for what only a modified client can do: taps with any data. The service
// reaches it over HTTP like the real one.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";

/** A running pretend Telegram. */
export interface TelegramServer {
  readonly sandbox: Sandbox;
  /** Settings that make a service use it. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts it on a free port. */
export async function startTelegram(): Promise<TelegramServer> {
  const server = createServer((req, res) => void sandbox.handle(req, res));
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sandbox = createSandbox({ publicUrl: url });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    sandbox,
    env: {
      TAPIN_SANDBOX: "off",
      TAPIN_TELEGRAM_TOKEN: sandbox.telegram.token,
      TAPIN_TELEGRAM_API_URL: sandbox.telegramApiRoot(),
    },
    async close() {
      sandbox.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
