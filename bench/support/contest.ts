// A contest: rounds on the floor and on Tapin in turn, so that whatever else happens on the machine
// meets both.

import type { Effort, Length, Rounds } from "./scenario.ts";
import type { ServerProcess } from "./server-process.ts";

/** What a round found, and how long the server was under load for it. */
export interface Round {
  readonly figure: number;
  readonly loadMs: number;
}

/** One side: its server, and a round on it. */
export interface Side {
  /** Null = no one server is to be watched. */
  readonly server: ServerProcess | null;
  round(length: Length): Promise<Round>;
}

/** Figures of both sides, and how busy each server's core was. */
export interface Outcome {
  readonly floor: Rounds;
  readonly tapin: Rounds;
  readonly busy: { readonly floor: Rounds; readonly tapin: Rounds };
}

/**
 * Runs it: the rounds that do not count, then the others in turn, the first to go changing with
 * each pair.
 */
export async function contest(
  sides: { readonly floor: Side; readonly tapin: Side },
  { rounds, warmUps, length }: Pick<Effort, "rounds" | "warmUps" | "length">,
): Promise<Outcome> {
  const figures = { floor: [] as number[], tapin: [] as number[] };
  const busy = { floor: [] as number[], tapin: [] as number[] };
  for (let round = 0; round < warmUps; round += 1) {
    await sides.floor.round(length);
    await sides.tapin.round(length);
  }
  for (let round = 0; round < rounds; round += 1) {
    const order = ["floor", "tapin"] as const;
    for (const name of round % 2 === 0 ? order : order.toReversed()) {
      const { figure, share } = await watched(sides[name], length);
      figures[name].push(figure);
      if (share !== null) busy[name].push(share);
    }
  }
  return { ...figures, busy };
}

async function watched(
  { server, round }: Side,
  length: Length,
): Promise<{ figure: number; share: number | null }> {
  const before = server?.cpuMs() ?? null;
  const { figure, loadMs } = await round(length);
  const after = server?.cpuMs() ?? null;
  return { figure, share: before === null || after === null ? null : (after - before) / loadMs };
}
