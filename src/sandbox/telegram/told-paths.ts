// The paths under which a bot may download files: each works from the call of getFile that told it,
// for an hour.

import { randomInt } from "node:crypto";

/**
 * Seconds a path works; the real one promises an hour. https://core.telegram.org/bots/api#getfile
 */
const PATH_LIFE_SECONDS = 3600;

/** How many paths are remembered; the oldest is dropped. */
const PATHS_LIMIT = 1000;

/** A path that getFile told. */
interface ToldPath {
  readonly fileId: string;
  /** Unix seconds. */
  readonly until: number;
}

/** The paths a bot was told. */
export class ToldPaths {
  readonly #told = new Map<string, ToldPath>();
  #next = randomInt(1, 100);

  /** A new path for the file. */
  tell(fileId: string, now: number): string {
    const path = `photos/file_${this.#next++}.jpg`;
    this.#told.set(path, { fileId, until: now + PATH_LIFE_SECONDS });
    const oldest = this.#told.keys().next();
    if (this.#told.size > PATHS_LIMIT && !oldest.done) this.#told.delete(oldest.value);
    return path;
  }

  /** The file behind a path; null when it was never told or works no more. */
  find(path: string, now: number): string | null {
    const told = this.#told.get(path);
    return told === undefined || told.until < now ? null : told.fileId;
  }
}
