// The heartbeat: tells the database that this process lives, so that others leave alone what it has
// in hand, and take it up seconds after it was killed.

import { setTimeout as pause } from "node:timers/promises";
import type { Store } from "../core/ports.ts";

/** Milliseconds between two signs of life. */
const BEAT_MS = 1000;

/** Starts it, once the first sign of life is there; the answer stops it. */
export async function startHeartbeat(
  { processes }: Pick<Store, "processes">,
  holder: string,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  // Whoever needs the database says that it is away; this goes on trying.
  const beat = () => processes.hear(holder).catch(() => {});
  await beat();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await pause(BEAT_MS, undefined, { signal: stopping.signal }).catch(() => {});
      if (!stopping.signal.aborted) await beat();
    }
  })();
  return async () => {
    stopping.abort();
    await done;
  };
}
