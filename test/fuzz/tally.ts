// What came of hostile requests, counted.

import type { HostileRequest } from "./hostile-request.ts";

/** Counts and complaints of a run. */
export class Tally {
  /** How requests ended: a status, `closed`, `reset`, or `frames`. */
  readonly endings = new Map<string, number>();
  /** What was wrong, with the request that shows it. */
  readonly faults: string[] = [];

  /** Requests that ended in any way. */
  get requests(): number {
    return [...this.endings.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Counts an ending. */
  add(ending: string): void {
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
  }

  /** Notes what was wrong; the first few are enough. */
  complain(what: string, protocol: string, { index, request }: Numbered): void {
    if (this.faults.length >= 20) return;
    const shown = { ...request, body: request.body.toString("latin1").slice(0, 300) };
    const text = JSON.stringify(shown, (_, value) =>
      typeof value === "string" && value.length > 300 ? `${value.slice(0, 300)}...` : value,
    );
    this.faults.push(`${what} for ${protocol} request ${index}: ${text}`);
  }

  /** Adds another tally to this one. */
  merge(other: Tally): void {
    for (const [ending, count] of other.endings) {
      this.endings.set(ending, (this.endings.get(ending) ?? 0) + count);
    }
    this.faults.push(...other.faults);
  }

  toString(): string {
    const sorted = [...this.endings].sort(([one], [other]) => (one < other ? -1 : 1));
    return sorted.map(([ending, count]) => `${ending}: ${count}`).join(", ");
  }
}

/** A request and the number it follows from. */
export interface Numbered {
  readonly index: number;
  readonly request: HostileRequest;
}

/** Hands out requests until there are no more. */
export type Supply = () => Numbered | null;

/** What a lane works with. */
export interface LaneParts {
  readonly url: string;
  readonly supply: Supply;
  readonly tally: Tally;
}

/** Milliseconds that an answer may take: above the 30 s of the server's own limits. */
export const ANSWER_MS = 40_000;
