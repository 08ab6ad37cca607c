// Places: how many of something that stays open may be open at once under one key, such as watchers
// of one address. Counted in this process.

import { TapinError } from "../errors.ts";

/** Seconds a refused one is asked to wait; nobody knows when another one leaves. */
const RETRY_SECONDS = 5;

/** A place to be taken. */
export interface Place {
  /** Whose place it is, as callers are told: `session`. */
  readonly what: string;
  /** Which of them. */
  readonly id: string;
  /** Most that are open at once; 0 = no limit. */
  readonly most: number;
}

/**
 * Takes one of each place, or none of them and fails with `rate_limited`. The answer gives them
 * back.
 */
export type TakePlaces = (places: readonly Place[]) => () => void;

/**
 * Builds a counter of places; `name` is that of what is open, in `RateLimit` fields: `watchers`.
 */
export function createPlaces(name: string): TakePlaces {
  const open = new Map<string, Map<string, number>>();
  const countOf = ({ what, id }: Place) => open.get(what)?.get(id) ?? 0;
  const change = (place: Place, by: number) => {
    const counts = open.get(place.what) ?? new Map<string, number>();
    open.set(place.what, counts);
    const count = countOf(place) + by;
    if (count === 0) counts.delete(place.id);
    else counts.set(place.id, count);
  };
  return (wanted) => {
    let places = wanted.filter(({ most }) => most > 0);
    const full = places.find((place) => countOf(place) >= place.most);
    if (full !== undefined) throw tooMany(name, full);
    for (const place of places) change(place, 1);
    return () => {
      for (const place of places) change(place, -1);
      places = [];
    };
  };
}

function tooMany(name: string, { what, most }: Place): TapinError {
  const policy = `"${name}-of-${what}"`;
  return new TapinError("RATE_LIMITED", {
    sentence: `Too many watchers of this ${what} are open. Try again later.`,
    retryAfterSeconds: RETRY_SECONDS,
    headers: [
      ["ratelimit-policy", `${policy};q=${most}`],
      ["ratelimit", `${policy};r=0`],
    ],
  });
}
