// Pretend messengers of the test's own: for what only a modified client can do, such as taps with
// any data, and for what the vendors' limits come to. The service reaches them over HTTP like the
// real ones.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/sandbox.ts";

/** Running pretend messengers. */
export interface MessengerServer {
  readonly sandbox: Sandbox;
  /** Settings that make a service use the one or the other. */
  readonly telegramEnv: Readonly<Record<string, string>>;
  readonly maxEnv: Readonly<Record<string, string>>;
  /** How many calls bots have made, by what they were answered. */
  readonly answers: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** Starts them on a free port, with these rules. */
export async function startMessengers(
  rules: Pick<SandboxOptions, "telegramRules" | "maxRules"> = {},
): Promise<MessengerServer> {
  const answers = new Map<number, number>();
  const server = createServer((req, res) => {
    res.once("finish", () => answers.set(res.statusCode, 1 + (answers.get(res.statusCode) ?? 0)));
    void sandbox.handle(req, res);
  });
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sandbox = createSandbox({ publicUrl: url, ...rules });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    sandbox,
    telegramEnv: {
      TAPIN_SANDBOX: "off",
      TAPIN_TELEGRAM_TOKEN: sandbox.telegram.token,
      TAPIN_TELEGRAM_API_URL: sandbox.telegramApiRoot(),
    },
    maxEnv: {
      TAPIN_SANDBOX: "off",
      TAPIN_MAX_TOKEN: sandbox.max.token,
      TAPIN_MAX_API_URL: sandbox.maxApiRoot(),
    },
    answers,
    async close() {
      sandbox.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
