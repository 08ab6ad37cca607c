// The thread of the embedded database: PostgreSQL compiled to WebAssembly, its files in the data
// directory or nowhere. It answers what embedded.ts, on the other side, asks. One process, one
// connection.

import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parentPort } from "node:worker_threads";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import { lockDataDir } from "./data-dir-lock.ts";
import { codeOf } from "./database-error.ts";
import type { Answer, Question, Rows } from "./embedded.ts";
import { migrate } from "./migrate.ts";

/** What is told to whoever listens in this process. */
const CHANNELS = ["tapin_session", "tapin_bots", "tapin_project"];

/** The open database. */
interface Opened {
  readonly pglite: PGlite;
  /** Lets others have the data directory. */
  release(): void;
}

/** A transaction under way, which ends with one of the two. */
interface Begun {
  readonly inside: Transaction;
  commit(): void;
  rollback(error: unknown): void;
  readonly ended: Promise<void>;
}

let opened: Opened | null = null;
let begun: Begun | null = null;

async function open(dataDir: string | "memory"): Promise<Opened> {
  if (dataDir === "memory") {
    const pglite = await PGlite.create();
    await prepare(pglite);
    return { pglite, release: () => {} };
  }
  const directory = resolve(dataDir);
  // Names, messenger ids and hashes are nobody else's business on this machine.
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockDataDir(directory);
  try {
    const pglite = await openFiles(directory);
    await prepare(pglite);
    return { pglite, release: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

// A new database is made beside its place and moved there once complete: a process killed while
// making it would otherwise leave a half that never opens again.
async function openFiles(directory: string): Promise<PGlite> {
  const place = join(directory, "db");
  try {
    if (!(await exists(place))) {
      const unfinished = join(directory, "db.new");
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished, { mode: 0o700 });
      await (await PGlite.create(unfinished)).close();
      await rename(unfinished, place);
    }
    return await PGlite.create(place);
  } catch (error) {
    throw new Error(`The embedded database in ${place} cannot be opened.`, { cause: error });
  }
}

async function prepare(pglite: PGlite): Promise<void> {
  try {
    await migrate(async (text) => (await pglite.exec(text)).at(-1)?.rows ?? []);
    // Nobody else can be in here, so whoever held something is dead: nobody need wait until that is
    // certain.
    await pglite.exec(`delete from leases; delete from processes;
      update updates set holder = null where finished_at is null`);
    for (const channel of CHANNELS) {
      // PGlite calls back before it resolves what the statement answers, and messages keep their
      // order: whoever is told the answer has been told the news.
      await pglite.listen(channel, (payload) => send({ channel, payload }));
    }
  } catch (error) {
    await pglite.close();
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

function send(answer: Answer): void {
  parentPort?.postMessage(answer);
}

/** Does what is asked, and answers rows where there are any. */
async function reply(question: Question): Promise<Rows | null> {
  if (question.what === "open") {
    opened = await open(question.dataDir);
    return null;
  }
  if (opened === null) throw new Error("PGlite is closed");
  switch (question.what) {
    case "query":
      return await query(opened.pglite, question);
    case "begin":
      begun = await begin(opened.pglite);
      return null;
    case "commit":
      begun?.commit();
      await begun?.ended;
      return null;
    case "rollback":
      begun?.rollback(new Error("The transaction was rolled back"));
      await begun?.ended.catch(() => undefined);
      return null;
    default:
      return await close(opened);
  }
}

async function query(
  pglite: PGlite,
  { sql, parameters, inside }: Question & { what: "query" },
): Promise<Rows> {
  const runner = inside ? begun?.inside : pglite;
  if (runner === undefined) throw new Error("The transaction is over");
  const { rows, affectedRows } = await runner.query(sql, [...parameters], { rowMode: "object" });
  return { rows, ...(affectedRows === undefined ? {} : { affectedRows }) };
}

/** Resolves once it is the transaction's turn; PGlite lets nobody else in until it has ended. */
function begin(pglite: PGlite): Promise<Begun> {
  return new Promise((resolveBegun, rejectBegun) => {
    const { promise, resolve: commit, reject: rollback } = Promise.withResolvers<void>();
    const ended = pglite
      .transaction((inside) => {
        resolveBegun({ inside, commit, rollback, ended });
        return promise;
      })
      .finally(() => {
        // The next one may have begun already.
        if (begun?.commit === commit) begun = null;
      });
    ended.catch(rejectBegun);
  });
}

async function close({ pglite, release }: Opened): Promise<null> {
  opened = null;
  try {
    if (!pglite.closed) await pglite.close();
  } finally {
    release();
  }
  return null;
}

parentPort?.on("message", async (question: Question) => {
  const { id } = question;
  try {
    send({ id, result: await reply(question) });
  } catch (error) {
    // An error crosses with its message, stack and cause, but not with a property of its own.
    send({ id, error, code: codeOf(error) });
  }
});
