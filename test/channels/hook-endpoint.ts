// The endpoint for webhooks of a stage: answers deliveries as the service does, and can be deaf for
// a while.

import type http from "node:http";
import type { Bot } from "../../src/channels/bot.ts";

/** What tells a delivery from a stranger's request. */
export interface HookAddress {
  readonly path: string;
  /** In lower case. */
  readonly secretHeader: string;
  readonly secret: string;
}

/** The endpoint. */
export class HookEndpoint {
  /** Bodies that came with the right secret, and were not refused. */
  readonly delivered: unknown[] = [];
  /** While true, whoever delivers is told to come back: as if this service were down. */
  deaf = false;
  /** How many deliveries that were. */
  refused = 0;
  /** To whom updates go; null: there is no process. */
  receiver: Bot | null = null;
  readonly #address: HookAddress;
  readonly #open = new Set<http.ServerResponse>();

  constructor(address: HookAddress) {
    this.#address = address;
  }

  /** Answers a request. Never rejects, unless the body is no JSON. */
  async answer(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer);
    } catch {
      // Whoever delivered has gone, such as a messenger that is closed while it delivers once more.
      return;
    }
    const { path, secretHeader, secret } = this.#address;
    if (req.url !== path || req.headers[secretHeader] !== secret) {
      res.writeHead(401).end();
      return;
    }
    if (this.deaf) {
      this.refused += 1;
      res.writeHead(503).end();
      return;
    }
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    const update: unknown = JSON.parse(text);
    this.delivered.push(update);
    this.#open.add(res);
    res.on("close", () => this.#open.delete(res));
    try {
      if (this.receiver === null) throw new Error("there is no bot");
      await this.receiver.receive(update);
      res.writeHead(200).end();
    } catch {
      res.writeHead(503).end();
    }
  }

  /** Breaks every delivery that has no answer yet, as the end of a process does. */
  breakOff(): void {
    this.receiver = null;
    for (const res of this.#open) res.destroy();
  }
}
