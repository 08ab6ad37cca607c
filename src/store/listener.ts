// The one LISTEN connection of this process to PostgreSQL: it hears which sessions and projects
// change and that bots do, comes back after a loss, and then says that something may have been
// missed. It also knows up to when it has heard all.

import pg from "pg";
import type { OnError } from "./database.ts";
import { BELIEF_MS } from "./recent-rows.ts";
import { checkWritable } from "./writable.ts";

/** Where to connect and whom to tell. */
export interface ListenerOptions {
  readonly databaseUrl: string;
  /** Sessions changed: their ids with commas, as the trigger of `sessions` sends them. */
  readonly onSessions: (sessionIds: string) => void;
  /** A project's bot changed. */
  readonly onBots: () => void;
  /** A project or one of its API keys changed. */
  readonly onProject: (projectId: string) => void;
  /** The connection stands, at first or again: earlier changes may have been missed. */
  readonly onConnect: () => void;
  readonly onError: OnError;
}

/** Ends the connection and the attempts to get it back. */
export interface Listener {
  /**
   * Whether every change that was committed {@link BELIEF_MS} ago has been told. Asking keeps it
   * so: the connection is then asked for a sign of life every {@link PULSE_MS}, of which nobody
   * waits.
   */
  isFresh(): boolean;
  close(): Promise<void>;
}

/** Name under which the connection shows up in `pg_stat_activity`. */
export const LISTENER_NAME = "tapin-listen";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/**
 * How often the silent connection is asked whether it is still there, and still the primary: a dead
 * peer says nothing.
 */
const CHECK_EVERY_MS = 5_000;

/** How often it is asked while somebody wants to know whether all has been heard. */
const PULSE_MS = 300;
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
  /** `performance.now()` at which the next check is due; infinity while there is none to come. */
  #dueAt = Number.POSITIVE_INFINITY;
  /** `performance.now()` at which the last check began. */
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** Whether freshness was asked for since then. */
  #isWanted = false;
  /** All that was committed at this `performance.now()` has been told. */
  #freshAsOf = Number.NEGATIVE_INFINITY;
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
      else if (channel === "tapin_project") this.#options.onProject(payload ?? "");
      else this.#options.onSessions(payload ?? "");
    });
    // Without this an error between two queries would end the process; "end" follows it.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("listen tapin_session; listen tapin_bots; listen tapin_project");
      await checkWritable(client);
    } catch (error) {
      await discard(client);
      throw error;
    }
    if (this.#closed) return discard(client);
    this.#client = client;
    this.#failures = 0;
    client.once("end", () => this.#lost(client, new Error("the connection ended")));
    this.#options.onConnect();
    this.#checkLater(client, performance.now() + CHECK_EVERY_MS);
  }

  isFresh(): boolean {
    this.#isWanted = true;
    const now = performance.now();
    const dueAt = Math.max(now, this.#checkedAt + PULSE_MS);
    if (this.#client !== null && dueAt < this.#dueAt) this.#checkLater(this.#client, dueAt);
    return now - this.#freshAsOf <= BELIEF_MS;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    const client = this.#client;
    this.#client = null;
    if (client !== null) await discard(client);
  }

  /** `dueAt`: by `performance.now()`. */
  #checkLater(client: pg.Client, dueAt: number): void {
    this.#stopTimer();
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => this.#check(client), Math.max(0, dueAt - performance.now()));
  }

  // PostgreSQL tells what was committed before a query came, before it answers the query: a
  // committing backend signals the listening ones before it says so, and a signalled one sends its
  // notifications before it is ready for more.
  async #check(client: pg.Client): Promise<void> {
    // No other check while this one is under way.
    this.#dueAt = Number.NEGATIVE_INFINITY;
    this.#isWanted = false;
    const began = performance.now();
    this.#checkedAt = began;
    try {
      await checkWritable(client);
    } catch (error) {
      return this.#lost(client, error);
    }
    if (this.#client !== client) return;
    this.#freshAsOf = began;
    const everyMs = this.#isWanted ? PULSE_MS : CHECK_EVERY_MS;
    this.#checkLater(client, began + everyMs);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#freshAsOf = Number.NEGATIVE_INFINITY;
    this.#stopTimer();
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
    } catch (error) {
      this.#options.onError("The connection that hears of changes cannot be restored yet.", error);
      this.#retryLater();
    }
  }
}

// A client that never connected, or whose peer is gone, may reject here; there is nothing left to
// end then.
async function discard(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}
