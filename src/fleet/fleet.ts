// The fleet: every bot this process runs, its own and those that projects brought. Bots of projects
// come, change and go without a restart, on every process.

import { createAvatarCache } from "../channels/avatar-cache.ts";
import type { Bot } from "../channels/bot.ts";
import { MAX_SECRET_HEADER } from "../channels/max.ts";
import { TELEGRAM_SECRET_HEADER } from "../channels/telegram.ts";
import type { BotAccount, BotFinding, Bots, ProjectBot, Webhook } from "../core/bot-ports.ts";
import type { Settler } from "../core/prompt-ports.ts";
import { CHANNELS, type Channel } from "../core/subscriber.ts";
import { TapinError } from "../errors.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { type FleetParts, type Member, nameOf, recruit, SET_BOT_ADVICE } from "./member.ts";
import { createRoster, placeOf, type Roster } from "./roster.ts";

/** All bots of this process. */
export interface Fleet extends Bots {
  /** Starts them. Rejects when this Tapin's own token is refused. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The webhook of this name, or null. */
  webhook(name: string): Webhook | null;
  /** The bots that can edit messages now, those that have left among them. */
  settlers(): readonly Settler[];
  /** Whether every bot of this Tapin's own has been recognised by its messenger. */
  isReady(): boolean;
}

const SECRET_HEADERS: Record<Channel, string> = {
  telegram: TELEGRAM_SECRET_HEADER,
  max: MAX_SECRET_HEADER,
};

/** This Tapin's own bots. */
type Own = ReadonlyMap<Channel, Member>;

/** Builds the fleet; nothing runs before `start`. */
export function createFleet(parts: FleetParts): Fleet {
  const own = recruitOwn(parts);
  const roster = createRoster(parts);
  const members = () => [...own.values(), ...roster.members.values()];
  let stopListening = () => {};
  let stopHeartbeat = async () => {};
  return {
    ...knowledge(parts, own, roster),
    async start() {
      stopHeartbeat = await startHeartbeat(parts.ports.store, parts.holder);
      await Promise.all([...own.values()].map(({ bot }) => bot.start()));
      stopListening = parts.ports.changes.onBotsChanged(roster.update);
      await roster.update();
    },
    async stop() {
      stopListening();
      await roster.close();
      await Promise.all(members().map(({ bot }) => bot.stop()));
      // What is still in hand is given up with this: others take it seconds later, when this
      // process has ended.
      await stopHeartbeat();
    },
    webhook(name) {
      const member = members().find(({ webhookName }) => webhookName === name);
      if (member === undefined || parts.updates !== "webhook") return null;
      return {
        secretHeader: SECRET_HEADERS[member.channel],
        secret: member.webhookSecret,
        receive: (update) => member.bot.receive(update),
      };
    },
    settlers: () => [
      ...members().filter(canEdit).map(settlerOf(false)),
      ...roster.leaving().filter(canEdit).map(settlerOf(true)),
    ],
    isReady: () => [...own.values()].every(({ bot }) => bot.username !== null),
  };
}

function recruitOwn(parts: FleetParts): Own {
  const own = new Map<Channel, Member>();
  for (const channel of CHANNELS) {
    const { token } = parts.access[channel];
    if (token !== null) own.set(channel, recruit(parts, channel, { token, project: null }));
  }
  return own;
}

// With a refused token every edit would fail, minute after minute.
function canEdit({ bot }: Member): boolean {
  return bot.messengerBotId !== null && !bot.tokenRefused;
}

function settlerOf(hasLeft: boolean) {
  return (member: Member): Settler => ({
    bot: nameOf(member),
    hasLeft,
    settle: (prompt) => member.bot.settle(prompt),
  });
}

/** What the rules ask about bots. */
function knowledge(parts: FleetParts, own: Own, roster: Roster): Bots {
  const avatars = createAvatarCache();
  return {
    urlOf(channel, projectId) {
      const place = placeOf({ channel, projectId });
      if (roster.sealed.has(place)) return null;
      const member = roster.members.get(place) ?? own.get(channel);
      if (member === undefined || member.bot.tokenRefused) return null;
      const username = member.bot.username ?? member.project?.username ?? null;
      return username === null ? null : parts.access[channel].botUrl(username);
    },
    async avatar({ projectId, channel, userId }, timeoutMs) {
      const place = placeOf({ channel, projectId });
      if (roster.sealed.has(place)) throw new TapinError("UNAVAILABLE");
      const { bot } = roster.members.get(place) ?? own.get(channel) ?? {};
      return bot === undefined ? null : await avatars.read(bot, userId, timeoutMs);
    },
    async isDefault(channel, messengerBotId) {
      const member = own.get(channel);
      if (member === undefined) return false;
      const known = member.bot.messengerBotId ?? (await identify(member.bot))?.messengerBotId;
      return known === messengerBotId;
    },
    identify: (channel, token) => identify(recruit(parts, channel, { token, project: null }).bot),
    inspect: async () => [
      ...(await Promise.all([...own.values(), ...roster.members.values()].map(inspect))),
      ...[...roster.sealed.values()].map(findingOfSealed),
    ],
  };
}

/** Under the name that it was set with, as long as its messenger has not told another. */
async function inspect({ bot, project }: Member): Promise<BotFinding> {
  const report = await bot.inspect();
  return { ...report, username: report.username ?? project?.username ?? null };
}

function findingOfSealed({ channel, username }: ProjectBot): BotFinding {
  const problem = `no key of TAPIN_SECRET opens its token: ${SET_BOT_ADVICE}`;
  return { channel, username, problems: [problem] };
}

async function identify(bot: Bot): Promise<BotAccount | null> {
  const report = await bot.inspect();
  const { username, messengerBotId } = report;
  if (username !== null && messengerBotId !== null) return { username, messengerBotId };
  if (report.tokenValid === false) return null;
  throw new TapinError("UNAVAILABLE", { sentence: "The messenger cannot be reached. Try again." });
}
