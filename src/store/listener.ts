// The one LISTEN connection of this process to PostgreSQL: it hears which sessions change and that bots do,
// comes back after a loss, and then says that something may have been missed.

import pg from "pg";
import type { OnError } from "./database.ts";
import { checkWritable } from "./writable.ts";

/** Where to connect and whom to tell. */
export interface ListenerOptions {
  readonly databaseUrl: string;
  /** Sessions changed: their ids with commas, as the trigger of `sessions` sends them. */
  readonly onSessions: (sessionIds: string) => void;
  /** A project's bot changed. */
  readonly onBots: () => void;
  /** The connection is back after a loss: changes may have been missed. */
  readonly onReturn: () => void;
  readonly onError: OnError;
}

/** Ends the connection and the attempts to get it back. */
export interface Listener {
  close(): Promise<void>;
}

/** Name under which the connection shows up in `pg_stat_activity`. */
export const LISTENER_NAME = "tapin-listen";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/** How often the silent connection is asked whether it is still there, and still the primary: a dead peer says nothing. */
const CHECK_EVERY_MS = 5_000;
const CHECK_TIMEOUT_MS = 5_000;

/** Listens, once the first connection stands; rejects when that fails. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const connection = new ListenConnection(options);
  await connection.connect();
  return connection;
}

class ListenConnection implements Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.databaseUrl,
      application_name: LISTENER_NAME,
      connectionTimeoutMillis: CHECK_TIMEOUT_MS,
      query_timeout: CHECK_TIMEOUT_MS,
      keepAlive: true,
    });
    client.on("notification", ({ channel, payload }) => {
      if (channel === "tapin_bots") this.#options.onBots();
      else this.#options.onSessions(payload ?? "");
    });
    // Without this an error between two queries would end the process; "end" follows it.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("listen tapin_session; listen tapin_bots");
      await checkWritable(client);
    } catch (error) {
      await discard(client);
      throw error;
    }
    if (this.#closed) return discard(client);
    this.#client = client;
    this.#failures = 0;
    client.once("end", () => this.#lost(client, new Error("the connection ended")));
    this.#checkLater(client);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    if (client !== null) await discard(client);
  }

  #checkLater(client: pg.Client): void {
    this.#timer = setTimeout(async () => {
      try {
        await checkWritable(client);
        if (this.#client === client) this.#checkLater(client);
      } catch (error) {
        this.#lost(client, error);
      }
    }, CHECK_EVERY_MS);
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    void discard(client);
    this.#options.onError("The connection that hears of changes was lost.", error);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    // Half of the wait is chance, so that many processes do not come back at the same moment.
    const longest = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#retry(), longest * (0.5 + Math.random() / 2));
  }

  async #retry(): Promise<void> {
    try {
      await this.connect();
      this.#options.onReturn();
    } catch (error) {
      this.#options.onError("The connection that hears of changes cannot be restored yet.", error);
      this.#retryLater();
    }
  }
}

// A client that never connected, or whose peer is gone, may reject here; there is nothing left to end then.
async function discard(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}
