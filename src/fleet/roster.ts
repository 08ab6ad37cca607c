// The roster: keeps the bots of projects equal to what the database says, one change at a time, and
// lets a bot that was taken away or replaced tidy its messages up before it is forgotten.

import type { ProjectBot } from "../core/bot-ports.ts";
import { type FleetParts, type Member, nameOf, recruit, SET_BOT_ADVICE } from "./member.ts";

/**
 * Seconds on top of a code's life for which a bot that left may edit its messages: two tries more,
 * a minute each.
 */
const LEAVING_GRACE_SECONDS = 150;

/**
 * Milliseconds until a failed read of the bots is tried again; doubles with each failure in a row.
 */
const FIRST_RETRY_MS = 1000;

/** Longest time between two tries, in milliseconds. */
const LONGEST_RETRY_MS = 60_000;

/** The bots of projects in this process. */
export interface Roster {
  /** Those that run, by {@link placeOf}. */
  readonly members: ReadonlyMap<string, Member>;
  /** Those that cannot run, since no key opens their token, by {@link placeOf}. */
  readonly sealed: ReadonlyMap<string, ProjectBot>;
  /** Those that left and may still edit messages: stopped, they take no updates. */
  leaving(): readonly Member[];
  /**
   * Makes the bots equal to what the database says. Never rejects: when they cannot be read, those
   * that run stay, and it is tried again until they can.
   */
  update(): Promise<void>;
  /** Ends all changes; the bots run on. */
  close(): Promise<void>;
}

/** Where a project's bot stands: each project has one place on each channel. */
export function placeOf({ projectId, channel }: Pick<ProjectBot, "projectId" | "channel">): string {
  return `${projectId}|${channel}`;
}

interface Book {
  readonly members: Map<string, Member>;
  readonly sealed: Map<string, ProjectBot>;
  /** By name, with the moment from which they are forgotten. */
  readonly leaving: Map<string, { readonly member: Member; readonly until: number }>;
}

/** Makes an empty roster. */
export function createRoster(parts: FleetParts): Roster {
  const book: Book = { members: new Map(), sealed: new Map(), leaving: new Map() };
  let work: Promise<void> = Promise.resolve();
  let closed = false;
  let retryMs = FIRST_RETRY_MS;
  let retry: NodeJS.Timeout | undefined;
  const attempt = async () => {
    if (closed) return;
    clearTimeout(retry);
    try {
      await apply(parts, book);
      retryMs = FIRST_RETRY_MS;
    } catch (err) {
      parts.log.warn({ event: "bots_unread", err }, "the bots of projects could not be read");
      // A process that is about to end waits for no retry.
      retry = setTimeout(update, retryMs).unref();
      retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
    }
  };
  const update = () => {
    work = work.then(attempt);
    return work;
  };
  return {
    members: book.members,
    sealed: book.sealed,
    leaving: () => leavingOf(book),
    update,
    async close() {
      closed = true;
      await work;
      clearTimeout(retry);
    },
  };
}

function leavingOf({ leaving }: Book): readonly Member[] {
  for (const [name, { until }] of leaving) {
    if (until <= performance.now()) leaving.delete(name);
  }
  return [...leaving.values()].map(({ member }) => member);
}

// The new ones take their places before the old ones stop, so that links lead to no other bot
// meanwhile.
async function apply(parts: FleetParts, book: Book): Promise<void> {
  const listed = await parts.ports.store.bots.list();
  const wanted = new Map(listed.map((bot) => [placeOf(bot), bot.revision]));
  const gone = [...book.members].filter(
    ([place, { project }]) => wanted.get(place) !== project?.revision,
  );
  for (const [place] of gone) book.members.delete(place);
  book.sealed.clear();
  const missing = listed.filter((bot) => !book.members.has(placeOf(bot)));
  const fresh = missing.flatMap((bot) => admit(parts, book, bot) ?? []);
  const staying = new Set(listed.map((bot) => `${bot.channel}:${bot.messengerBotId}`));
  await Promise.all(gone.map(([, member]) => dismiss(parts, book, { member, staying })));
  // The same account under another token, or back again: its prompts are the new member's from now
  // on.
  for (const name of staying) book.leaving.delete(name);
  await Promise.all(fresh.map((member) => start(parts, member)));
}

function admit(parts: FleetParts, book: Book, project: ProjectBot): Member | null {
  const { channel, username } = project;
  const token = parts.ports.secrets.open(project.sealedToken);
  if (token === null) {
    book.sealed.set(placeOf(project), project);
    parts.log.error(
      { event: "bot_sealed", username },
      `no key of TAPIN_SECRET opens this bot's token: ${SET_BOT_ADVICE}`,
    );
    return null;
  }
  const member = recruit(parts, channel, { token, project });
  book.members.set(placeOf(project), member);
  return member;
}

// Stopped first, so that no prompt comes into being after the others have been settled.
async function dismiss(
  { ports }: FleetParts,
  { leaving }: Book,
  { member, staying }: { readonly member: Member; readonly staying: ReadonlySet<string> },
): Promise<void> {
  // An account has one set of webhooks, whichever token speaks for it.
  await (staying.has(nameOf(member)) ? member.bot.stop() : member.bot.leave());
  if (member.bot.messengerBotId === null) return;
  const seconds = ports.settings.codeTtlSeconds + LEAVING_GRACE_SECONDS;
  leaving.set(nameOf(member), { member, until: performance.now() + seconds * 1000 });
}

async function start({ log }: FleetParts, { bot, project }: Member): Promise<void> {
  await bot.start().catch((err: unknown) => {
    log.error(
      { event: "bot_refused", username: project?.username, err },
      `a project's bot cannot start; trying again. If its token is refused, ${SET_BOT_ADVICE}`,
    );
  });
}
