// The statuses of a session: every cell of the transition table, and what callers see of it.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isEnded,
  nextStatus,
  type PublicStatus,
  publicStatus,
  SESSION_EVENTS,
  SESSION_STATUSES,
  type SessionEvent,
  type SessionStatus,
  sourcesOf,
} from "../../src/core/session.ts";

// Written by hand from the contract, not from the code: rows are statuses, columns events.
const EXPECTED: Record<SessionStatus, Record<SessionEvent, SessionStatus | null>> = {
  pending: { open: "opened", approve: null, cancel: "cancelled", expire: "expired", verify: null },
  opened: {
    open: null,
    approve: "completed",
    cancel: "cancelled",
    expire: "expired",
    verify: null,
  },
  completed: { open: null, approve: null, cancel: null, expire: null, verify: "verified" },
  verified: { open: null, approve: null, cancel: null, expire: null, verify: null },
  expired: { open: null, approve: null, cancel: null, expire: null, verify: null },
  cancelled: { open: null, approve: null, cancel: null, expire: null, verify: null },
};

const CELLS = SESSION_STATUSES.flatMap((status) =>
  SESSION_EVENTS.map((event) => ({ status, event, next: EXPECTED[status][event] })),
);

describe("nextStatus", () => {
  it.each(CELLS)("from $status by $event: $next", ({ status, event, next }) => {
    expect(nextStatus(status, event)).toBe(next);
  });

  it("knows no status and no event that the table above does not", () => {
    expect(Object.keys(EXPECTED).sort()).toEqual([...SESSION_STATUSES].sort());
    for (const row of Object.values(EXPECTED)) {
      expect(Object.keys(row).sort()).toEqual([...SESSION_EVENTS].sort());
    }
  });
});

describe("T8: a terminal status is terminal", () => {
  const walk = (events: readonly SessionEvent[]) => {
    const seen: SessionStatus[] = ["pending"];
    for (const event of events) {
      const now = seen.at(-1) as SessionStatus;
      seen.push(nextStatus(now, event) ?? now);
    }
    return seen;
  };
  const anyEvents = fc.array(fc.constantFrom(...SESSION_EVENTS), { maxLength: 30 });

  it("no order of events shows a caller two terminal statuses", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const shown = new Set<PublicStatus>(walk(events).filter(isEnded).map(publicStatus));
        expect(shown.size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it("no order of events leads back from a terminal status to pending", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const seen = walk(events);
        const firstEnd = seen.findIndex(isEnded);
        if (firstEnd >= 0) expect(seen.slice(firstEnd).every(isEnded)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("completes only what a person has opened (T2), and verifies only what is completed", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const seen = walk(events);
        if (seen.includes("completed")) expect(seen).toContain("opened");
        if (seen.includes("verified")) expect(seen).toContain("completed");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("sourcesOf", () => {
  it.each([
    ["open", ["pending"]],
    ["approve", ["opened"]],
    ["cancel", ["pending", "opened"]],
    ["expire", ["pending", "opened"]],
    ["verify", ["completed"]],
  ] as const)("%s moves %j", (event, statuses) => {
    expect(sourcesOf(event)).toEqual(statuses);
  });
});

describe("publicStatus", () => {
  it.each([
    ["pending", "pending", false],
    ["opened", "pending", false],
    ["completed", "completed", true],
    ["verified", "completed", true],
    ["expired", "expired", true],
    ["cancelled", "cancelled", true],
  ] as const)("%s is shown as %s, ended: %s", (status, shown, ended) => {
    expect(publicStatus(status)).toBe(shown);
    expect(isEnded(status)).toBe(ended);
  });
});
