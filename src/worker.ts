// A worker's side of TAPIN_WORKERS: one of several processes that serve one port, which their
// parent (workers.ts) starts and watches. Here is what it tells its parent and hears from it.

import process from "node:process";
import { TapinError } from "./errors.ts";
import type { OpenSocket } from "./server/listener.ts";
import type { Crew, Figures } from "./server/metrics.ts";

/** Milliseconds that the workers have to tell their figures. */
export const GATHER_MS = 3000;

/**
 * The descriptor at which a worker finds the socket of all, after its input, its outputs and the
 * channel to its parent.
 */
const SOCKET_FD = 4;

/** What a worker says. */
export type FromWorker =
  | { readonly kind: "ready"; readonly url: string }
  /** Asks for the figures of all. */
  | { readonly kind: "gather"; readonly id: number }
  /** Answers `tell`. */
  | { readonly kind: "told"; readonly id: number; readonly figures: Figures };

/** What its parent says. */
export type ToWorker =
  | { readonly kind: "tell"; readonly id: number }
  /** Answers `gather`. */
  | { readonly kind: "gathered"; readonly id: number; readonly all: readonly Figures[] };

/** This process, as one of several. */
export interface Worker {
  /** Which one of them it is, from 1. One that takes the place of another has its number. */
  readonly number: number;
  readonly crew: Crew;
  /** What all of them accept from. */
  readonly socket: OpenSocket;
  /**
   * Tells the parent that it serves, and where. From now on `gone` is called when the parent is
   * gone.
   */
  ready(url: string, gone: () => void): void;
}

/** Null = this process is the parent, or is alone. */
export function thisWorker(): Worker | null {
  // `main.ts worker 2`: what `ps` shows tells them apart, too.
  const [, , role, place] = process.argv;
  if (role !== "worker" || process.send === undefined) return null;
  const number = Number(place);
  // Nobody has been answered yet.
  let end: () => void = () => process.exit(1);
  process.once("disconnect", () => end());
  return {
    number,
    crew: createCrew(number),
    socket: { fd: SOCKET_FD },
    ready(url, gone) {
      end = gone;
      tellParent({ kind: "ready", url });
    },
  };
}

function createCrew(number: number): Crew {
  let figures: () => Promise<Figures> = async () => [];
  let gatherings = 0;
  const waiting = new Map<number, (all: readonly Figures[]) => void>();
  process.on("message", (message: ToWorker) => {
    if (message.kind === "gathered") waiting.get(message.id)?.(message.all);
    else if (message.kind === "tell") void tell(message.id, figures);
  });
  return {
    worker: number,
    share(mine) {
      figures = mine;
    },
    gather() {
      gatherings += 1;
      const id = gatherings;
      const gathered = new Promise<readonly Figures[]>((resolve, reject) => {
        const timer = setTimeout(() => reject(new TapinError("UNAVAILABLE")), GATHER_MS);
        waiting.set(id, (all) => {
          clearTimeout(timer);
          resolve(all);
        });
      });
      tellParent({ kind: "gather", id });
      return gathered.finally(() => waiting.delete(id));
    },
  };
}

async function tell(id: number, figures: () => Promise<Figures>): Promise<void> {
  // One that cannot tell its own keeps nobody from reading those of the others.
  tellParent({ kind: "told", id, figures: await figures().catch(() => []) });
}

function tellParent(message: FromWorker): void {
  // A parent that is gone hears nothing, and `disconnect` says so.
  process.send?.(message, undefined, undefined, () => undefined);
}
