// Diagnose: look at everything a login depends on, and say what to do about each problem.

import type { Ports } from "../core/ports.ts";
import { landingUrlProblem, originUrlProblem, type Project } from "../core/project.ts";

/** What was found out about one thing. */
export interface Finding {
  /** What was looked at. */
  readonly subject: string;
  /** What is wrong and what to do about it, a sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** Seconds this process's clock may differ from the database's before it is worth a word. */
export const CLOCK_TOLERANCE_SECONDS = 5;

const PAGE = 100;

/**
 * Looks at database, clock, bots and projects. `now` tells this process's clock. Fails with
 * `unavailable`.
 */
export async function diagnose(
  { store, bots }: Pick<Ports, "store" | "bots">,
  now: () => Date,
): Promise<readonly Finding[]> {
  const clock = await store.clock();
  const findings: Finding[] = [
    { subject: "database", problems: [] },
    { subject: "clock", problems: clockProblems(clock, now()) },
  ];
  const inspected = await bots.inspect();
  if (inspected.length === 0) {
    findings.push({ subject: "bots", problems: ["No bot is set, so nobody can log in."] });
  }
  for (const { channel, username, problems } of inspected) {
    findings.push({ subject: `bot ${channel} @${username ?? "unknown"}`, problems });
  }
  return [...findings, ...(await projectFindings(store))];
}

function clockProblems(database: Date, own: Date): readonly string[] {
  const seconds = Math.round((own.getTime() - database.getTime()) / 1000);
  if (Math.abs(seconds) <= CLOCK_TOLERANCE_SECONDS) return [];
  const direction = seconds > 0 ? "ahead of" : "behind";
  return [
    `This machine's clock is ${Math.abs(seconds)} s ${direction} the database's, which decides; set both by NTP.`,
  ];
}

async function projectFindings(store: Ports["store"]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let afterSlug = ""; ; ) {
    const page = await store.projects.list({ afterSlug, limit: PAGE });
    findings.push(...page.map(projectFinding));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return findings;
    afterSlug = last.slug;
  }
}

function projectFinding(project: Project): Finding {
  const problems: string[] = [];
  const judge = (name: string, problem: string | null) => {
    if (problem !== null) problems.push(`${name} ${problem}.`);
  };
  if (project.callbackUrl === null) {
    problems.push("callback_url is not set: static links are off and the bot has no button.");
  } else judge("callback_url", landingUrlProblem(project.callbackUrl));
  if (project.originUrl !== null) judge("origin_url", originUrlProblem(project.originUrl));
  for (const uri of project.redirectUris) judge(`redirect_uri ${uri}`, landingUrlProblem(uri));
  return { subject: `project ${project.slug}`, problems };
}
