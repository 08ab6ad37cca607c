// The checker itself: a good history passes, and each thing that must not happen is found.

import { describe, expect, test } from "vitest";
import { checkHistory } from "./check-history.ts";
import type { ChaosEvent, History } from "./history.ts";

const session = "s1";

/** A login as it should be, with one replay and one attempt that nobody answered. */
const GOOD: History = [
  { kind: "created", session, person: "telegram:1" },
  { kind: "told", session, status: "completed", code: "c1" },
  { kind: "confirmed", session, code: "c1" },
  { kind: "verifying", session, attempt: "a" },
  { kind: "told", session, status: "expired" },
  { kind: "verified", session, attempt: "a", outcome: "ok", subscriber: "u1" },
  { kind: "verified", session, attempt: "b", outcome: "refused" },
  { kind: "verified", session, attempt: "c", outcome: "unknown" },
  { kind: "row", session, status: "verified", grants: 1 },
  { kind: "subscriberRow", subscriber: "u1", person: "telegram:1" },
];

const CANCELLED: History = [
  { kind: "created", session: "s2", person: "telegram:1" },
  { kind: "told", session: "s2", status: "cancelled" },
  { kind: "row", session: "s2", status: "cancelled", grants: 0 },
];

const without = (kind: ChaosEvent["kind"], history = GOOD) =>
  history.filter((event) => event.kind !== kind);

const withStatus = (history: History, status: string, grants: number): History => [
  ...without("row", history),
  { kind: "row", session: history === GOOD ? session : "s2", status, grants },
];

describe("checkHistory", () => {
  test("a good history has no problem, and its figures are counted", () => {
    const { problems, figures } = checkHistory([...GOOD, ...CANCELLED]);
    expect(problems).toEqual([]);
    expect(figures).toEqual({
      sessions: 2,
      confirmed: 1,
      verified: 1,
      cancelled: 1,
      expired: 0,
      refused: 1,
      unknown: 1,
      subscribers: 1,
    });
  });

  test("an unanswered attempt may have been the one that worked", () => {
    const unsure = GOOD.filter((event) => event.kind !== "verified" || event.outcome !== "ok");
    expect(checkHistory(unsure).problems).toEqual([]);
  });

  test("the same attempt answered twice is one", () => {
    const again = { kind: "verified", session, attempt: "a", outcome: "ok" } as const;
    expect(checkHistory([...GOOD, { ...again, subscriber: "u1" }]).problems).toEqual([]);
  });

  const bad: readonly (readonly [string, History, RegExp])[] = [
    [
      "a code verified twice",
      [...GOOD, { kind: "verified", session, attempt: "d", outcome: "ok", subscriber: "u1" }],
      /s1: its code was verified 2 times/,
    ],
    ["a confirmed login whose code was only refused", lost(), /confirmed, and its code never/],
    ["a login that was told and never verified", without("verified"), /confirmed, and its code/],
    [
      "a session told as cancelled too",
      [...GOOD, { kind: "told", session, status: "cancelled" }],
      /s1: it ended as cancelled and as completed/,
    ],
    [
      "a session told as expired before anybody verified",
      [{ kind: "told", session, status: "expired" }, ...GOOD],
      /s1: it ended as completed and as expired/,
    ],
    [
      "a session told as cancelled whose row says otherwise",
      withStatus(CANCELLED, "verified", 1),
      /s2: it ended as cancelled and as completed/,
    ],
    [
      "two codes of one session",
      [...GOOD, { kind: "confirmed", session, code: "c2" }],
      /s1: 2 codes were told/,
    ],
    ["a created session without a row", without("row"), /s1: it was created, and there is no row/],
    ["a verified code whose row forgot it", withStatus(GOOD, "completed", 1), /row says completed/],
    [
      "a confirmed login whose only attempt that may have worked did not",
      withStatus(GOOD, "completed", 1).filter(
        (it) => it.kind !== "verified" || it.outcome !== "ok",
      ),
      /it was confirmed, and its row says completed/,
    ],
    ["two grants of one session", withStatus(GOOD, "verified", 2), /with 2 grants/],
    ["a grant of a cancelled session", withStatus(CANCELLED, "cancelled", 1), /with 1 grants/],
    [
      "a person with two rows",
      [...GOOD, { kind: "subscriberRow", subscriber: "u2", person: "telegram:1" }],
      /telegram:1 is a subscriber twice/,
    ],
    [
      "a profile with another subscriber's id",
      [...GOOD, { kind: "verified", session, attempt: "a", outcome: "ok", subscriber: "u9" }],
      /person telegram:1 has more than one subscriber/,
    ],
    [
      "two people with one id",
      [...GOOD, { kind: "subscriberRow", subscriber: "u1", person: "max:1" }],
      /subscriber u1 has more than one person/,
    ],
    ["a login that gave up", [...GOOD, { kind: "failed", session, why: "gave up" }], /s1: gave up/],
  ];
  test.each(bad)("finds %s", (_name, history, sentence) => {
    expect(checkHistory(history).problems.join("\n")).toMatch(sentence);
  });
});

function lost(): History {
  return GOOD.map((event) =>
    event.kind === "verified" ? { ...event, outcome: "refused" as const } : event,
  );
}
