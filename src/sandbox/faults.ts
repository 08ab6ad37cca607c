// What can be made to go wrong between a pretend messenger and its bot, for tests: calls that fail,
// updates that come twice, in the wrong order, or with a character torn apart. Nothing of it can be
// reached over HTTP.

import { setTimeout as sleep } from "node:timers/promises";
import {
  type Answer,
  type Incoming,
  type Outgoing,
  readBody,
  sendAnswer,
} from "./http-exchange.ts";

/** One way in which a call of the bot goes wrong. */
export type CallFault =
  /** 429; the bot is told to come back after so many seconds. The call does nothing. */
  | { readonly kind: "tooMany"; readonly retryAfterSeconds: number }
  /** This status, 500 or above, in the messenger's envelope. The call does nothing. */
  | { readonly kind: "broken"; readonly status: number }
  /**
   * No answer, the connection ends. With `after` the call does its work first, so that only the
   * answer is lost.
   */
  | { readonly kind: "drop"; readonly after?: boolean }
  /** The call does its work after so many milliseconds. */
  | { readonly kind: "delay"; readonly ms: number };

/** Which calls go wrong. */
export interface FaultyCalls {
  /**
   * Telegram: the method, such as `sendMessage`; MAX: HTTP method and path, such as
   * `POST /messages` or `GET /chats/{chat_id}`. Default: every call.
   */
  readonly call?: string;
  /** How many of them. Default: 1. */
  readonly times?: number;
}

interface Scripted {
  readonly fault: CallFault;
  readonly call: string | undefined;
  left: number;
}

// An update that is held back for the next one goes on its way after this when none comes.
const HOLD_LIMIT_MS = 1000;
// How long an overtaken update stays behind: long enough to be the later one over two connections.
const OVERTAKEN_MS = 20;

/**
 * The faults of one pretend messenger. Each is used up by what it happened to; without any, all
 * goes well.
 */
export class Faults {
  /**
   * While true, every webhook delivery is sent in two pieces, torn inside its first character of
   * several bytes.
   */
  splitUtf8 = false;
  #scripted: Scripted[] = [];
  #duplicates = 0;
  #swaps = 0;
  #release: (() => void) | undefined;

  /** The next calls go wrong in this way; faults asked for earlier come first. */
  failCalls(fault: CallFault, { call, times = 1 }: FaultyCalls = {}): void {
    this.#scripted.push({ fault, call: call?.toLowerCase(), left: times });
  }

  /** The next updates are given to the bot twice. */
  duplicateUpdates(times = 1): void {
    this.#duplicates += times;
  }

  /**
   * The next update is overtaken by the one after it; `times` such pairs. Without a second one it
   * goes after 1 s.
   */
  swapUpdates(times = 1): void {
    this.#swaps += times;
  }

  /** All goes well again. */
  clear(): void {
    this.splitUtf8 = false;
    this.#scripted = [];
    this.#duplicates = 0;
    this.#swaps = 0;
    this.#release?.();
  }

  /** For the messenger: what is to happen to this call. */
  takeCallFault(call: string): CallFault | undefined {
    const name = call.toLowerCase();
    const found = this.#scripted.find((each) => each.call === undefined || each.call === name);
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#scripted = this.#scripted.filter((each) => each !== found);
    return found.fault;
  }

  /** For the messenger: how many times to give the next update to the bot. */
  takeCopies(): number {
    if (this.#duplicates === 0) return 1;
    this.#duplicates -= 1;
    return 2;
  }

  /**
   * For the messenger: what to wait for before the next update goes on its way; undefined when it
   * may go at once.
   */
  holdBack(): Promise<void> | undefined {
    const release = this.#release;
    if (release !== undefined) {
      setTimeout(release, OVERTAKEN_MS);
      this.#release = undefined;
      return undefined;
    }
    if (this.#swaps === 0) return undefined;
    this.#swaps -= 1;
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(limit);
        if (this.#release === go) this.#release = undefined;
        resolve();
      };
      const limit = setTimeout(go, HOLD_LIMIT_MS);
      this.#release = go;
    });
  }
}

/** A call that may go wrong. */
export interface FallibleCall {
  readonly req: Incoming;
  readonly res: Outgoing;
  readonly fault: CallFault | undefined;
  /** How the messenger refuses with 429 or a status of 500 and above. */
  readonly refuse: (status: number, retryAfterSeconds?: number) => Answer;
}

/** Answers a call with what `work` gives, unless it is to go wrong. `work` must not reject. */
export async function answerFallible(
  { req, res, fault, refuse }: FallibleCall,
  work: () => Promise<Answer>,
): Promise<void> {
  switch (fault?.kind) {
    case "tooMany":
      await readBody(req);
      sendAnswer(req, res, refuse(429, fault.retryAfterSeconds));
      return;
    case "broken":
      await readBody(req);
      sendAnswer(req, res, refuse(fault.status));
      return;
    case "drop":
      if (fault.after === true) await work();
      else await readBody(req);
      res.destroy();
      return;
    case "delay":
      await sleep(fault.ms);
  }
  sendAnswer(req, res, await work());
}
