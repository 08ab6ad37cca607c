// Group commit: calls of one kind that wait in the same moment go to the database in one statement.
// Knows nothing of SQL; which calls are gathered, and by which statement, is in the files of the
// tables.

import { TapinError } from "../errors.ts";
import { isConflict, isUnavailable } from "./database-error.ts";

/** How calls of one kind are answered. */
export interface Gathering<Item, Result> {
  /**
   * Answers every item, in their order, by one statement, which leaves out rows that somebody else
   * has just now. `undefined`: undecided for that reason.
   */
  all(items: readonly Item[]): Promise<readonly (Result | undefined)[]>;
  /** Answers one item by itself, however long it has to wait for a row. */
  one(item: Item): Promise<Result>;
}

/** Most calls in one statement: it stays a matter of milliseconds, during which others gather. */
export const MOST_IN_BATCH = 128;

/**
 * Statements of one kind that may be under way before further calls gather. Two: PostgreSQL works
 * on one while the answers to the other are written and read.
 */
const MOST_UNDER_WAY = 2;

/**
 * Milliseconds after which those who gather no longer wait for a statement: one lost connection
 * must not hold up everyone. Each further one takes another connection, as single calls would.
 */
export const PATIENCE_MS = 250;

/**
 * Milliseconds a call gathers with others at most. A database that is silent lets few through, and
 * those who came first would be gone when their turn comes.
 */
export const MOST_WAIT_MS = 5_000;

interface Gathered<Item, Result> {
  readonly item: Item;
  /** `performance.now()` when it came. */
  readonly since: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The call that gathers. It goes out at once while fewer than two statements of its kind are under
 * way, and with everyone else who waits as soon as one of them is back. When the database refuses a
 * statement, each of its items is asked by itself, so that only those fail that would have failed
 * alone; when the database cannot be reached, all of the statement fail.
 */
export function gather<Item, Result>(
  gathering: Gathering<Item, Result>,
): (item: Item) => Promise<Result> {
  let waiting: Gathered<Item, Result>[] = [];
  let underWay = 0;
  const flush = () => {
    const overdue = performance.now() - MOST_WAIT_MS;
    const late = waiting.findIndex(({ since }) => since > overdue);
    const given = waiting.splice(0, late < 0 ? waiting.length : late);
    for (const { reject } of given) reject(new TapinError("UNAVAILABLE"));
    while (waiting.length > 0 && underWay < MOST_UNDER_WAY) {
      const batch = waiting.slice(0, MOST_IN_BATCH);
      waiting = waiting.slice(MOST_IN_BATCH);
      void send(batch);
    }
  };
  const send = async (batch: readonly Gathered<Item, Result>[]) => {
    underWay += 1;
    const leave = once(() => {
      underWay -= 1;
      flush();
    });
    const timer = setTimeout(leave, PATIENCE_MS);
    try {
      const results = await gathering.all(batch.map(({ item }) => item));
      settle(gathering, batch, results);
    } catch (error) {
      const isForAll = isUnavailable(error) && !isConflict(error);
      if (batch.length === 1 || isForAll) for (const { reject } of batch) reject(error);
      else settle(gathering, batch, []);
    } finally {
      clearTimeout(timer);
      leave();
    }
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, since: performance.now(), resolve, reject });
      flush();
    });
}

// Whoever is still undecided waits for its row alone, and nobody waits for it.
function settle<Item, Result>(
  { one }: Gathering<Item, Result>,
  batch: readonly Gathered<Item, Result>[],
  results: readonly (Result | undefined)[],
): void {
  batch.forEach(({ item, resolve, reject }, index) => {
    const result = results[index];
    if (result === undefined) one(item).then(resolve, reject);
    else resolve(result);
  });
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
