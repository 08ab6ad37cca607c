// The inbox of a bot: every update, however it came, is noted before it is handled and finished
// after, so that none is handled twice and none is lost with a process. What one person does is
// handled in order, different people side by side. How updates come, and what answers them, is
// handed in.

import type { BotHandlers, Spoken, TapState, UnfinishedUpdate } from "../core/bot-ports.ts";
import type { Person } from "../core/subscriber.ts";
import type { BotLog } from "./bot-log.ts";
import { type BotEvent, isBotEvent, type KeyedEvent } from "./channel-event.ts";
import type { ErrorReader } from "./failure.ts";
import { pause, waitAtMost, waitUnlessAborted } from "./pause.ts";
import { createSerialQueue, type SerialQueue } from "./serial-queue.ts";

/** Takes updates in. */
export interface Inbox {
  /**
   * Takes one in. Resolves once it is noted; `handled` resolves when it is handled, or need not be,
   * and never rejects. An update that is none of ours is taken and nothing happens. Rejects when it
   * could not be noted.
   */
  take(update: unknown): Promise<{ readonly handled: Promise<void> }>;
  /**
   * As `take`, but tries until the signal is aborted; then it answers null, and the update is not
   * taken.
   */
  takeSurely(
    update: unknown,
    signal: AbortSignal,
  ): Promise<{ readonly handled: Promise<void> } | null>;
  /** Handles what dead processes left, now and then, until the signal is aborted. Never rejects. */
  sweep(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing is being handled. */
  idle(): Promise<void>;
}

/** What an inbox is made of. */
export interface InboxParts {
  readonly handlers: Pick<BotHandlers, "note" | "noteTap" | "finish" | "takeUnfinished">;
  /** Reads an update; null when there is nothing to do. May throw when it is no update. */
  readonly read: (update: unknown) => KeyedEvent | null;
  /**
   * Answers one event, of which `spoken` is what to show when it is decided already. Must not
   * reject.
   */
  readonly handle: (event: BotEvent, spoken: Spoken | null) => Promise<void>;
  /**
   * The person of a tap as far as a decision needs to know them; null when the messenger has to be
   * asked first. Default: as the update tells.
   */
  readonly knownPerson?: (event: BotEvent) => Person | null;
  readonly timing: {
    readonly handlerMs: number;
    readonly sweepMs: number;
    readonly firstBackoffMs: number;
    readonly longestBackoffMs: number;
  };
  readonly log: BotLog;
  readonly errors: ErrorReader;
}

/**
 * Most updates that may be under way at once: beyond that none is taken, and the messenger keeps
 * them.
 */
const RUNNING_LIMIT = 20_000;

interface Running {
  readonly noted: Promise<TapState>;
  readonly handled: Promise<void>;
}

interface Desk extends InboxParts {
  readonly people: SerialQueue;
  /** By key: what is under way in this process. */
  readonly running: Map<string, Running>;
}

/** Makes an inbox. */
export function createInbox(parts: InboxParts): Inbox {
  const desk: Desk = { ...parts, people: createSerialQueue(), running: new Map() };
  return {
    take: (update) => take(desk, update),
    takeSurely: (update, signal) => takeSurely(desk, update, signal),
    sweep: (signal) => sweep(desk, signal),
    async idle() {
      while (desk.running.size > 0) {
        await Promise.all([...desk.running.values()].map(({ handled }) => handled));
      }
    },
  };
}

const NOTHING_TO_DO = { handled: Promise.resolve() };

async function take(desk: Desk, update: unknown): Promise<{ readonly handled: Promise<void> }> {
  const keyed = readSafely(desk, update);
  if (keyed === null) return NOTHING_TO_DO;
  const known = desk.running.get(keyed.key);
  if (known === undefined && desk.running.size >= RUNNING_LIMIT) {
    throw new Error("too many updates are under way");
  }
  const { noted, handled } = known ?? begin(desk, keyed, note(desk, keyed));
  await noted;
  return { handled };
}

// A tap is decided as it is noted, unless something of the same person comes before it.
function note(desk: Desk, { key, event }: KeyedEvent): Promise<TapState> {
  const update = { key, payload: event };
  if (event.kind === "tap" && !desk.people.has(event.person.userId)) {
    const person = desk.knownPerson === undefined ? event.person : desk.knownPerson(event);
    if (person !== null) return desk.handlers.noteTap(update, person, event.data);
  }
  return noteOnly(desk, update);
}

async function noteOnly({ handlers }: Desk, update: UnfinishedUpdate): Promise<TapState> {
  return { state: await handlers.note(update), spoken: null };
}

function readSafely({ read, log, errors }: Desk, update: unknown): KeyedEvent | null {
  try {
    return read(update);
  } catch (error) {
    log.warn({ error: errors.describe(error) }, "what came is no update, and is left alone");
    return null;
  }
}

// The place in the person's queue is taken at once, so that the order of arrival stays while the
// notes are made.
function begin(desk: Desk, { key, event }: KeyedEvent, noted: Promise<TapState>): Running {
  const { promise: handled, resolve } = Promise.withResolvers<void>();
  const forget = () => {
    if (desk.running.get(key) === entry) desk.running.delete(key);
    resolve();
  };
  void desk.people.run(event.person.userId, async () => {
    const { state = null, spoken = null } = (await noted.catch(() => null)) ?? {};
    if (state !== "fresh" && state !== "unfinished") return forget();
    const work = handleNoted(desk, { key, event }, spoken).then(forget);
    // Late work goes on, and counts as under way to its end: only the person's next update waits no
    // longer.
    if ((await waitAtMost(work, desk.timing.handlerMs)) === "late") {
      desk.log.error({ event: event.kind }, "an update took too long");
    }
  });
  const entry: Running = { noted, handled };
  desk.running.set(key, entry);
  // It may be delivered again before its turn in the person's queue has come.
  noted.catch(forget);
  return entry;
}

async function handleNoted(
  desk: Desk,
  { key, event }: KeyedEvent,
  spoken: Spoken | null,
): Promise<void> {
  const { handle, handlers, log, errors } = desk;
  await handle(event, spoken);
  try {
    await handlers.finish(key);
  } catch (error) {
    log.warn({ error: errors.describe(error) }, "an update is handled and will be once more");
  }
}

async function takeSurely(
  desk: Desk,
  update: unknown,
  signal: AbortSignal,
): Promise<{ readonly handled: Promise<void> } | null> {
  const { firstBackoffMs, longestBackoffMs } = desk.timing;
  for (let waitMs = firstBackoffMs; !signal.aborted; waitMs *= 2) {
    try {
      // A database that hangs must not keep a process that is to end.
      return await waitUnlessAborted(take(desk, update), signal);
    } catch (error) {
      if (waitMs === firstBackoffMs) {
        desk.log.error({ error: desk.errors.describe(error) }, "an update waits to be noted");
      }
      await pause(Math.min(waitMs, longestBackoffMs), signal);
    }
  }
  return null;
}

async function sweep(desk: Desk, signal: AbortSignal): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    try {
      await takeUnfinished(desk);
      failing = false;
    } catch (error) {
      if (!failing) {
        desk.log.warn(
          { error: desk.errors.describe(error) },
          "unfinished updates are out of reach",
        );
      }
      failing = true;
    }
    await pause(desk.timing.sweepMs, signal);
  }
}

async function takeUnfinished(desk: Desk): Promise<void> {
  for (const { key, payload } of await desk.handlers.takeUnfinished()) {
    if (desk.running.has(key)) continue;
    // Noted once more to learn whether it was finished just now.
    if (isBotEvent(payload)) begin(desk, { key, event: payload }, noteOnly(desk, { key, payload }));
    else await desk.handlers.finish(key);
  }
}
