// Judges a history: no code verified twice, no confirmed login lost, no session with two endings,
// no subscriber twice.

import type { ChaosEvent, History } from "./history.ts";

/** What a history shows. */
export interface Verdict {
  /** One sentence for each thing that must not happen; empty when all is well. */
  readonly problems: readonly string[];
  readonly figures: {
    readonly sessions: number;
    /** Confirmed by the person, as a chat or a watcher was told. */
    readonly confirmed: number;
    readonly verified: number;
    readonly cancelled: number;
    /** Whose time passed before the person got through. */
    readonly expired: number;
    /** Verifications that were refused, as a second one with a code must be. */
    readonly refused: number;
    /** Verifications whose outcome nobody was told. */
    readonly unknown: number;
    readonly subscribers: number;
  };
}

type Of<Kind extends ChaosEvent["kind"]> = Extract<ChaosEvent, { readonly kind: Kind }>;

const ENDINGS: Readonly<Record<string, string>> = {
  completed: "completed",
  verified: "completed",
  cancelled: "cancelled",
  expired: "expired",
};

/** Judges it. */
export function checkHistory(history: History): Verdict {
  const bySession = Map.groupBy(
    history.filter((event) => "session" in event),
    ({ session }) => session,
  );
  const problems = [...bySession].flatMap(([session, events]) =>
    problemsOf(events).map((problem) => `session ${session}: ${problem}`),
  );
  const outcomes = of(history, "verified");
  const count = (outcome: string) => outcomes.filter((it) => it.outcome === outcome).length;
  const sessionsWith = (holds: (events: History) => boolean) =>
    [...bySession.values()].filter(holds).length;
  return {
    problems: [...problems, ...subscriberProblems(history)],
    figures: {
      sessions: bySession.size,
      confirmed: sessionsWith((events) => codesOf(events).size > 0),
      verified: count("ok"),
      cancelled: sessionsWith((events) => endingsOf(events).has("cancelled")),
      expired: sessionsWith((events) => endingsOf(events).has("expired")),
      refused: count("refused"),
      unknown: count("unknown"),
      subscribers: of(history, "subscriberRow").length,
    },
  };
}

function of<Kind extends ChaosEvent["kind"]>(events: History, kind: Kind): readonly Of<Kind>[] {
  return events.filter((event): event is Of<Kind> => event.kind === kind);
}

function problemsOf(events: History): readonly string[] {
  const problems = of(events, "failed").map(({ why }) => why);
  const verified = of(events, "verified");
  const successes = new Set(
    verified.filter(({ outcome }) => outcome === "ok").map(({ attempt }) => attempt),
  );
  if (successes.size > 1) problems.push(`its code was verified ${successes.size} times`);
  const codes = codesOf(events);
  if (codes.size > 1) problems.push(`${codes.size} codes were told`);
  const mayHaveWorked = verified.some(({ outcome }) => outcome !== "refused");
  if (codes.size > 0 && !mayHaveWorked)
    problems.push("it was confirmed, and its code never worked");
  const endings = endingsOf(events);
  if (endings.size > 1) problems.push(`it ended as ${[...endings].sort().join(" and as ")}`);
  return [...problems, ...rowProblems(events, successes.size > 0 || codes.size > 0)];
}

/** The codes that anybody was told. */
function codesOf(events: History): ReadonlySet<string> {
  return new Set(
    events.flatMap((event) => {
      if (event.kind === "confirmed") return [event.code];
      return event.kind === "told" && event.code !== undefined ? [event.code] : [];
    }),
  );
}

function endingsOf(events: History): ReadonlySet<string> {
  const verifying = events.findIndex(({ kind }) => kind === "verifying");
  const endings = events.map((event, index) =>
    endingOf(event, verifying !== -1 && index > verifying),
  );
  return new Set(endings.filter((ending) => ending !== null));
}

function endingOf(event: ChaosEvent, mayBeUsed: boolean): string | null {
  switch (event.kind) {
    case "confirmed":
      return "completed";
    case "verified":
      return event.outcome === "ok" ? "completed" : null;
    case "row":
      return ENDINGS[event.status] ?? null;
    case "told":
      // Once the code may be used, whoever asks again is told `expired`.
      return event.status === "expired" && mayBeUsed ? null : (ENDINGS[event.status] ?? null);
    default:
      return null;
  }
}

/**
 * A login that is confirmed is verified in the end, also where the answer that said so got lost.
 */
function rowProblems(events: History, mustBeVerified: boolean): readonly string[] {
  if (of(events, "created").length === 0) return [];
  const [row] = of(events, "row");
  if (row === undefined) return ["it was created, and there is no row"];
  const problems: string[] = [];
  if (mustBeVerified && row.status !== "verified") {
    problems.push(`it was confirmed, and its row says ${row.status}`);
  }
  const grants = ENDINGS[row.status] === "completed" ? 1 : 0;
  if (row.grants !== grants) problems.push(`its row says ${row.status}, with ${row.grants} grants`);
  return problems;
}

function subscriberProblems(history: History): readonly string[] {
  const persons = new Map(of(history, "created").map(({ session, person }) => [session, person]));
  const pairs = [
    ...of(history, "verified").map(({ session, subscriber }) => ({
      subscriber,
      person: persons.get(session),
    })),
    ...of(history, "subscriberRow"),
  ].filter(({ subscriber }) => subscriber !== undefined);
  const rows = of(history, "subscriberRow");
  const twice = [...Map.groupBy(rows, ({ person }) => person)]
    .filter(([, same]) => same.length > 1)
    .map(([person]) => `person ${person} is a subscriber twice`);
  return [
    ...twice,
    ...several(pairs, "person", "subscriber"),
    ...several(pairs, "subscriber", "person"),
  ];
}

type Pair = { readonly person?: string | undefined; readonly subscriber?: string | undefined };

function several(pairs: readonly Pair[], one: keyof Pair, other: keyof Pair): readonly string[] {
  return [...Map.groupBy(pairs, (pair) => pair[one])]
    .filter(([, same]) => new Set(same.map((pair) => pair[other])).size > 1)
    .map(([name]) => `${one} ${name} has more than one ${other}`);
}
