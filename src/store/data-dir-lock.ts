// Keeps a second process out of a data directory. PGlite does not: two processes writing the same
// files would ruin them. The lock is an operating system's file lock, so it ends with its holder,
// even a killed one. SQLite is used for nothing but that: it is the one file lock that both Node
// and Deno have, with no permission beyond the directory itself.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Released by `release`, or by the end of the process. */
export interface DataDirLock {
  release(): void;
}

/** Locks an existing directory. Throws a sentence that names it when another process holds it. */
export function lockDataDir(dataDir: string): DataDirLock {
  const file = join(dataDir, "lock");
  let lock: DatabaseSync | null = null;
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
    lock.exec("begin exclusive");
  } catch (error) {
    if (lock?.isOpen) lock.close();
    throw new Error(lockSentence(dataDir, error), { cause: error });
  }
  const held = lock;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}

function lockSentence(dataDir: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/database is locked/.test(text)) {
    return `The data directory ${dataDir} is in use by another Tapin process. Stop it, or choose another directory (TAPIN_DATA_DIR).`;
  }
  return `The data directory ${dataDir} cannot be locked: ${text}.`;
}
