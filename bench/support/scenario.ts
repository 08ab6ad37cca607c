// What a scenario is, and what it finds.

import type { Stage } from "./stage.ts";

/** When a round ends: after this time or, only to see that it runs, after so many calls. */
export type Length = { readonly seconds: number } | { readonly calls: number };

/** How much of everything. */
export interface Effort {
  /** Pairs of one round on the floor and one on Tapin. */
  readonly rounds: number;
  /** Rounds before them that do not count. */
  readonly warmUps: number;
  readonly length: Length;
  /** Parts of full numbers (watchers, codes, logins): 1 = all, less only to see that it runs. */
  readonly scale: number;
  /** Whether a load generator that is missing may be installed. */
  readonly mayInstall: boolean;
  /** Rows of `sessions` in the big database. */
  readonly bigSessions: number;
}

/** One thing to be measured. */
export interface Scenario {
  readonly name: string;
  /** What it does, in one line. */
  readonly about: string;
  /** Why it is left out unless it is named; null = it is not left out. */
  readonly leftOut: string | null;
  /** Why it cannot run on this machine; null = it can. */
  missing(effort: Effort): string | null;
  run(stage: Stage, effort: Effort): Promise<readonly Finding[]>;
}

/**
 * What must hold: the median ratio to the floor, or Tapin's own median, is at least or at most
 * this.
 */
export interface Goal {
  readonly of: "ratio" | "value";
  readonly is: "at least" | "at most";
  readonly limit: number;
}

/** Figures of the rounds, in their order. */
export type Rounds = readonly number[];

/** One row of the table. */
export interface Finding {
  readonly what: string;
  readonly unit: string;
  /** What Tapin is compared with; null = with nothing. */
  readonly floorName: string | null;
  readonly floor: Rounds;
  readonly tapin: Rounds;
  /**
   * Share of its core that each server was busy, from 0 to 1; empty where that cannot be read or
   * says nothing.
   */
  readonly busy?: { readonly floor: Rounds; readonly tapin: Rounds };
  /** Null = only printed. */
  readonly goal: Goal | null;
  /** What a reader must know beside it. */
  readonly note?: string;
}
