// The embedded database as the rest of this process sees it: it lives in a thread of its own
// (embedded-thread.ts), so that it opens while everything else is being loaded, and no statement of
// its holds up the answers to others. This file loads nothing of weight, so that a start can begin
// with it.

import { Worker } from "node:worker_threads";
import type { PGlite, PGliteTransaction } from "kysely";

/** What the thread is asked; each question has its number. */
export type Question = { readonly id: number } & Request;

type Request =
  | { readonly what: "open"; readonly dataDir: string | "memory" }
  | {
      readonly what: "query";
      readonly sql: string;
      readonly parameters: readonly unknown[];
      /** As part of the transaction that has begun. */
      readonly inside: boolean;
    }
  | { readonly what: "begin" | "commit" | "rollback" | "close" };

/** What a statement answers. */
export interface Rows {
  readonly rows: unknown[];
  readonly affectedRows?: number;
}

/** What the thread says: the answer to the question of that number, or what somebody notified. */
export type Answer =
  | { readonly id: number; readonly result: Rows | null }
  | { readonly id: number; readonly error: unknown; readonly code: string | null }
  | { readonly channel: string; readonly payload: string };

/** Hears a notification. */
export type OnNotification = (channel: string, payload: string) => void;

/** The embedded database, in the form in which kysely takes PGlite. */
export interface Embedded extends PGlite {
  /** Resolves once its schema is up to date. Rejects with a sentence when it cannot be opened. */
  readonly opened: Promise<void>;
  /** Resolves with the cause when its thread has ended by itself: it answers nobody any more. */
  readonly lost: Promise<unknown>;
  /**
   * Hears every notification, each before the answer of the statement that caused it. Default:
   * nobody.
   */
  onNotification(listener: OnNotification): void;
}

/**
 * Begins to open the database in `<dataDir>/db`, or one that ends with the process for `"memory"`.
 */
export function openEmbedded(dataDir: string | "memory"): Embedded {
  const line = new Line();
  const opened = line.ask({ what: "open", dataDir }).then(
    () => undefined,
    (error) => Promise.reject(startError(error)),
  );
  // Whoever opens it early may be busy with something else when it fails.
  opened.catch(() => line.end());
  let isReady = false;
  void opened.then(
    () => {
      isReady = true;
    },
    () => undefined,
  );
  const queryOf =
    (inside: boolean): PGlite["query"] =>
    async <T>(sql: string, parameters: readonly unknown[] = []) => {
      const result = await line.ask({ what: "query", sql, parameters, inside });
      return { rows: (result?.rows ?? []) as T[], fields: [], ...affected(result) };
    };
  return {
    opened,
    lost: line.lost,
    waitReady: opened,
    get ready() {
      return isReady;
    },
    get closed() {
      return line.hasEnded;
    },
    query: queryOf(false),
    async transaction(work) {
      await line.ask({ what: "begin" });
      const rollback = () => line.ask({ what: "rollback" }).then(() => undefined);
      const inside: PGliteTransaction = { query: queryOf(true), rollback };
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await work(inside);
      } catch (error) {
        await rollback();
        throw error;
      }
      await line.ask({ what: "commit" });
      return result;
    },
    async close() {
      // What cannot be opened has closed itself.
      await opened.catch(() => undefined);
      if (line.hasEnded) return;
      await line.ask({ what: "close" }).finally(() => line.end());
    },
    onNotification: (listener) => line.onNotification(listener),
  };
}

/** A thread that could not even begin has told nothing itself. */
function startError(error: unknown): unknown {
  if (!(error instanceof Error && error.message === CLOSED)) return error;
  return new Error("The embedded database cannot be started.", { cause: error.cause });
}

function affected(result: Rows | null): { affectedRows?: number } {
  return result?.affectedRows === undefined ? {} : { affectedRows: result.affectedRows };
}

interface Waiting {
  resolve(result: Rows | null): void;
  reject(error: unknown): void;
}

/** The line to the thread. */
class Line {
  readonly #thread = new Worker(new URL("./embedded-thread.ts", import.meta.url));
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #hasEnded = false;
  #cause: unknown;
  readonly #lost = Promise.withResolvers<unknown>();
  #heard: OnNotification = () => {};

  constructor() {
    this.#thread.on("message", (answer: Answer) => this.#hear(answer));
    this.#thread.on("error", (error) => this.#lose(error));
    this.#thread.on("exit", () => this.#lose(undefined));
  }

  get lost(): Promise<unknown> {
    return this.#lost.promise;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  onNotification(listener: OnNotification): void {
    this.#heard = listener;
  }

  ask(request: Request): Promise<Rows | null> {
    if (this.#hasEnded) return Promise.reject(closed(this.#cause));
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage({ id, ...request });
    });
  }

  /** Ends the thread; whoever still waits is told. */
  async end(): Promise<void> {
    this.#giveUp(undefined);
    await this.#thread.terminate();
  }

  #hear(answer: Answer): void {
    if ("channel" in answer) {
      this.#heard(answer.channel, answer.payload);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("result" in answer) waiting?.resolve(answer.result);
    else waiting?.reject(withCode(answer));
  }

  #lose(cause: unknown): void {
    if (this.#hasEnded) return;
    this.#giveUp(cause);
    this.#lost.resolve(cause);
  }

  #giveUp(cause: unknown): void {
    this.#hasEnded = true;
    this.#cause ??= cause;
    for (const { reject } of this.#waiting.values()) reject(closed(this.#cause));
    this.#waiting.clear();
  }
}

/** PGlite's own words, by which database-error.ts knows it. */
const CLOSED = "PGlite is closed";

function closed(cause: unknown): Error {
  return new Error(CLOSED, { cause });
}

function withCode({ error, code }: { error: unknown; code: string | null }): unknown {
  return error instanceof Error && code !== null ? Object.assign(error, { code }) : error;
}
