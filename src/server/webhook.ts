// Where messengers deliver updates: one unguessable path and one secret for each bot. The secret is
// compared in constant time before anything else happens, and the answer is an empty 200 once the
// update is noted.

import type { Webhook } from "../core/bot-ports.ts";
import { sameSecret } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { type Exchange, headerOf } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readBody } from "./request-body.ts";

/** Prefix of every webhook path. */
export const WEBHOOK_PREFIX = "/hooks/";

/** Largest update, in bytes. */
export const MAX_UPDATE_BYTES = 256 * 1024;

/** The route of all webhooks. `find` looks a bot up by the text after the prefix. */
export function webhookRoute(find: (name: string) => Webhook | null): PlainRoute {
  return {
    path: `${WEBHOOK_PREFIX}*`,
    async handle(exchange) {
      const webhook = find(exchange.path.slice(WEBHOOK_PREFIX.length));
      if (webhook === null) throw new TapinError("NOT_FOUND");
      const secret = headerOf(exchange.req, webhook.secretHeader) ?? "";
      if (!sameSecret(secret, webhook.secret)) throw new TapinError("UNAUTHORIZED");
      await receive(webhook, exchange);
    },
  };
}

async function receive(webhook: Webhook, { req, res, method }: Exchange): Promise<void> {
  if (method !== "POST") {
    throw new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", "POST"]] });
  }
  const update = parseUpdate(await readBody(req, MAX_UPDATE_BYTES));
  try {
    await webhook.receive(update);
  } catch (cause) {
    throw new TapinError("UNAVAILABLE", { cause });
  }
  // MAX counts anything but 200 as a failure; Telegram would carry out a body as a call of its API.
  res.statusCode = 200;
  res.setHeader("content-length", "0");
  res.end();
}

function parseUpdate(body: Uint8Array): unknown {
  try {
    // Decoded as a whole: text cut in two by packets stays what it was.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new TapinError("VALIDATION_FAILED", { sentence: "The body is not JSON.", cause });
  }
}
