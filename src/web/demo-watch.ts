// How a page follows a session it started, with the watch token only: by stream, and by polling
// where streams do not get through. It survives dropped connections, sleeping tabs and being
// offline. What the page shows lives in demo.ts.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService, SessionStatus } from "#gen/tapin/auth/v1/auth_pb.ts";

const client = createClient(AuthService, createConnectTransport({ baseUrl: location.origin }));

/** The session to follow, as the website's server handed it to the page. */
export interface WatchedSession {
  readonly session_id: string;
  readonly watch_token: string;
  /** Seconds between two polls. */
  readonly interval: number;
}

/**
 * How a session ended for this page. `failed` means that the watch token is not accepted (any
 * more).
 */
export type SessionEnd =
  | { readonly status: "completed"; readonly code: string }
  | { readonly status: "expired" | "cancelled" | "failed" };

/** What is told on the way. */
export interface WatchEvents {
  /**
   * The session is pending. `opened` is true once the bot was opened; undefined when polling, which
   * cannot tell.
   */
  onPending(opened: boolean | undefined): void;
  /** The server cannot be reached; trying goes on. The next `onPending` says that it is over. */
  onTrouble(): void;
}

// The server sends something at least every 15 s, and the first message at once.
const silenceMs = 20_000;
const firstSilenceMs = 5_000;
const pollTimeoutMs = 10_000;
const longestPauseMs = 15_000;
const streamFailuresAllowed = 2;
const failuresBeforeTrouble = 3;

/**
 * Follows the session until it ends. Two failures of the stream in a row make it poll from then on.
 * Coming back online, or the tab becoming visible, asks again at once. Rejects only when `signal`
 * is aborted.
 */
export async function watchSession(
  session: WatchedSession,
  events: WatchEvents,
  signal: AbortSignal,
): Promise<SessionEnd> {
  const progress = { sequence: 0, failures: 0, streamFailures: 0 };
  const alarm = createAlarm(events);
  try {
    for (;;) {
      const woken = AbortSignal.any([signal, alarm.next()]);
      const end = await ask(session, { progress, events, woken });
      if (end) return end;
      if (!woken.aborted) await pause(pauseMs(progress.failures, session.interval), woken);
      signal.throwIfAborted();
      // What the page shows may be stale after a sleep: ask for the present status, not the next
      // change.
      if (woken.aborted) progress.sequence = 0;
    }
  } finally {
    alarm.stop();
  }
}

/**
 * Cancels the session and answers how it ended: `completed` when the person was faster (watch on,
 * the code is on its way), `cancelled` also when the server did not answer: then the session just
 * runs out.
 */
export async function cancelSession(
  session: WatchedSession,
): Promise<"completed" | "expired" | "cancelled"> {
  const { session_id: sessionId } = session;
  const options = { headers: authorization(session), timeoutMs: pollTimeoutMs };
  try {
    const { status } = await client.cancelSession({ sessionId }, options);
    if (status === SessionStatus.COMPLETED) return "completed";
    return status === SessionStatus.EXPIRED ? "expired" : "cancelled";
  } catch {
    return "cancelled";
  }
}

interface Progress {
  /** Last message seen. */
  sequence: number;
  /** Failures in a row. */
  failures: number;
  /** Failures of the stream in a row. */
  streamFailures: number;
}

interface Attempt {
  readonly progress: Progress;
  readonly events: WatchEvents;
  /** Aborted when it is time to ask afresh. */
  readonly woken: AbortSignal;
}

/** Asks once, by the way that works; undefined when it is to be asked again. */
async function ask(session: WatchedSession, attempt: Attempt): Promise<SessionEnd | undefined> {
  const { progress, events, woken } = attempt;
  const isStream = progress.streamFailures < streamFailuresAllowed;
  try {
    return await (isStream ? readStream : poll)(session, attempt);
  } catch (error) {
    if (woken.aborted) return undefined;
    noteFailure(progress, isStream);
    if (progress.failures >= failuresBeforeTrouble) events.onTrouble();
    return endOf(error);
  }
}

async function readStream(session: WatchedSession, attempt: Attempt): Promise<SessionEnd> {
  const { progress, events, woken } = attempt;
  const silence = createSilence(progress.sequence === 0 ? firstSilenceMs : silenceMs);
  try {
    const stream = client.watchSession(
      { sessionId: session.session_id, afterSequence: progress.sequence },
      { headers: authorization(session), signal: AbortSignal.any([woken, silence.signal]) },
    );
    for await (const { status, code, opened, sequence } of stream) {
      silence.restart(silenceMs);
      Object.assign(progress, { sequence, failures: 0, streamFailures: 0 });
      const end = toEnd(status, code);
      if (end) return end;
      events.onPending(opened);
    }
    throw new ConnectError("the stream ended before the session", Code.Unavailable);
  } finally {
    silence.stop();
  }
}

async function poll(session: WatchedSession, attempt: Attempt): Promise<SessionEnd | undefined> {
  const { status, code } = await client.getSessionStatus(
    { sessionId: session.session_id },
    { headers: authorization(session), signal: attempt.woken, timeoutMs: pollTimeoutMs },
  );
  attempt.progress.failures = 0;
  const end = toEnd(status, code);
  if (!end) attempt.events.onPending(undefined);
  return end;
}

function toEnd(status: SessionStatus | number, code: string | undefined): SessionEnd | undefined {
  switch (status) {
    case SessionStatus.COMPLETED:
      return code === undefined ? { status: "expired" } : { status: "completed", code };
    case SessionStatus.EXPIRED:
      return { status: "expired" };
    case SessionStatus.CANCELLED:
      return { status: "cancelled" };
    default:
      return undefined;
  }
}

/** Errors that trying again cannot mend. */
function endOf(error: unknown): SessionEnd | undefined {
  switch (ConnectError.from(error).code) {
    case Code.NotFound:
      return { status: "expired" };
    case Code.Unauthenticated:
    case Code.PermissionDenied:
    case Code.InvalidArgument:
      return { status: "failed" };
    default:
      return undefined;
  }
}

function noteFailure(progress: Progress, isStream: boolean): void {
  progress.failures += 1;
  if (isStream) progress.streamFailures += 1;
  // What the page shows is stale by now: ask for the present status instead of the next change.
  if (progress.failures >= failuresBeforeTrouble) progress.sequence = 0;
}

function pauseMs(failures: number, interval: number): number {
  if (failures === 0) return interval * 1000;
  const backoff = Math.min(1000 * 2 ** (failures - 1), longestPauseMs);
  // Spread, so that a server that comes back is not asked by everybody at once.
  return backoff * (0.75 + Math.random() / 2);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Says when the page comes back from sleep or from being offline: what is under way may be dead
 * without a word.
 */
function createAlarm(events: WatchEvents): { next(): AbortSignal; stop(): void } {
  const stopped = new AbortController();
  let current = new AbortController();
  const ring = () => current.abort();
  const options = { signal: stopped.signal };
  addEventListener("online", ring, options);
  addEventListener("offline", () => events.onTrouble(), options);
  const onVisibility = () => document.visibilityState === "visible" && ring();
  document.addEventListener("visibilitychange", onVisibility, options);
  return {
    next() {
      if (current.signal.aborted) current = new AbortController();
      return current.signal;
    },
    stop: () => stopped.abort(),
  };
}

/**
 * Aborts its signal when it is not restarted in time: a stream cut by a proxy can stay silent for
 * ever.
 */
function createSilence(firstMs: number): {
  readonly signal: AbortSignal;
  restart(ms: number): void;
  stop(): void;
} {
  const controller = new AbortController();
  let timer = setTimeout(() => controller.abort(), firstMs);
  return {
    signal: controller.signal,
    restart(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), ms);
    },
    stop: () => clearTimeout(timer),
  };
}

function authorization(session: WatchedSession): { readonly authorization: string } {
  return { authorization: `Bearer ${session.watch_token}` };
}
