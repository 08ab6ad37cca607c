// The report: the one table, as text that is also Markdown, and as JSON.

import type { Finding, Goal, Rounds } from "./scenario.ts";
import { median, ratios } from "./statistics.ts";

/** What became of one scenario. */
export interface ScenarioReport {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** Why it was not run; null = it was. */
  readonly notRun: string | null;
}

const HEADINGS = ["measured", "floor", "Tapin", "ratio", "goal", "", "server's core busy"];

/**
 * The table. Figures are medians of the rounds; the ratio is that of the pairs of rounds, with the
 * lowest and the highest.
 */
export function tableOf(reports: readonly ScenarioReport[]): string {
  const rows = reports.flatMap(({ name, findings, notRun }) =>
    notRun === null ? findings.map(cellsOf) : [[name, "", "", "", "", `not run: ${notRun}`, ""]],
  );
  const all = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) =>
    Math.max(3, ...all.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  const [headings = "", ...lines] = all.map(line);
  return [headings, rule, ...lines].join("\n");
}

/** The notes below the table, one for each row that needs one. */
export function notesOf(reports: readonly ScenarioReport[]): string {
  const findings = reports.flatMap((report) => report.findings);
  return findings
    .filter(({ note }) => note !== undefined)
    .map(({ what, note }) => `- ${what}: ${note}`)
    .join("\n");
}

function cellsOf(finding: Finding): readonly string[] {
  const { what, unit, floorName, floor, tapin, busy, goal } = finding;
  return [
    what,
    floorName === null ? "" : `${figure(median(floor))} ${unit} (${floorName})`,
    `${figure(median(tapin))} ${unit}`,
    spread(ratios(tapin, floor)),
    goal === null ? "" : goalText(goal, unit),
    verdict(finding),
    busy === undefined ? "" : busyText(busy),
  ];
}

/** Whether the goal is reached; null when there is none. */
export function isReached({ goal, tapin, floor }: Finding): boolean | null {
  if (goal === null) return null;
  const value = median(goal.of === "ratio" ? ratios(tapin, floor) : tapin);
  return goal.is === "at least" ? value >= goal.limit : value <= goal.limit;
}

function verdict(finding: Finding): string {
  const reached = isReached(finding);
  if (reached === null) return "";
  return reached ? "reached" : "not reached";
}

function goalText({ of, is, limit }: Goal, unit: string): string {
  const sign = is === "at least" ? ">=" : "<=";
  return of === "ratio" ? `${sign} ${limit} x` : `${sign} ${figure(limit)} ${unit}`;
}

function spread(values: Rounds): string {
  // Of nothing, or to a floor that costs nothing.
  if (!Number.isFinite(median(values))) return "";
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(2)} x (${low.toFixed(2)}-${high.toFixed(2)})`;
}

function busyText({ floor, tapin }: { floor: Rounds; tapin: Rounds }): string {
  if (floor.length === 0 || tapin.length === 0) return "";
  const percent = (values: Rounds) => `${Math.round(median(values) * 100)} %`;
  return `${percent(floor)}, ${percent(tapin)}`;
}

function figure(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
