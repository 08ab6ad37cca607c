// The fleet: every bot this process runs, its own and those that projects brought. Bots of projects come,
// change and go without a restart, on every process.

import type { Logger } from "pino";
import { decidePrompt } from "./actions/decide-prompt.ts";
import { openLink } from "./actions/open-link.ts";
import type { Bot, BotOptions } from "./channels/bot.ts";
import { createMaxBot } from "./channels/max.ts";
import { createTelegramBot } from "./channels/telegram.ts";
import type { BotAccount, BotHandlers, BotIdentity, Bots, ProjectBot } from "./core/bot-ports.ts";
import type { Ports } from "./core/ports.ts";
import type { Prompt } from "./core/prompt.ts";
import { sha256Hex } from "./core/secret.ts";
import { CHANNELS, type Channel, type Person } from "./core/subscriber.ts";
import { TapinError } from "./errors.ts";
import type { Webhook } from "./server/webhook.ts";

/** How this process reaches one messenger. */
export interface MessengerAccess {
  /** Token of this Tapin's own bot; null = none. */
  readonly token: string | null;
  /** Root of the API; null = the messenger's own. */
  readonly apiUrl: string | null;
  readonly caFile: string | null;
  /** Address under which people find a bot. */
  botUrl(username: string): string;
}

/** What the fleet is made of. */
export interface FleetParts {
  readonly ports: Ports;
  readonly access: Readonly<Record<Channel, MessengerAccess>>;
  readonly updates: "polling" | "webhook";
  /** `<public url>/hooks/`, under which webhooks are registered. */
  readonly webhookBase: string;
  /** Identifies this process as the holder of polling leases. */
  readonly holder: string;
  readonly log: Logger;
}

/** All bots of this process. */
export interface Fleet extends Bots {
  /** Starts them. Rejects when this Tapin's own token is refused. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The webhook of this name, or null. */
  webhook(name: string): Webhook | null;
  /** Each bot's name, and how it edits a prompt's message; the edit answers false when it failed. */
  settlers(): readonly (readonly [string, (prompt: Prompt) => Promise<boolean>])[];
  /** Whether every bot of this Tapin's own has been recognised by its messenger. */
  isReady(): boolean;
}

/** Seconds after which another process may poll instead of a dead one. */
export const POLL_LEASE_SECONDS = 15;

/** Seconds an update may be under way before another try is made for it. */
const UNFINISHED_SECONDS = 90;

/** Updates older than this are about logins long over. */
const UPDATE_AGE_SECONDS = 1800;

const SECRET_HEADERS: Record<Channel, string> = {
  telegram: "x-telegram-bot-api-secret-token",
  max: "x-max-bot-api-secret",
};

interface Member {
  readonly channel: Channel;
  /** Null for this Tapin's own. */
  readonly project: ProjectBot | null;
  readonly bot: Bot;
  readonly webhookName: string;
  readonly webhookSecret: string;
}

/** Builds the fleet; nothing runs before `start`. */
export function createFleet(parts: FleetParts): Fleet {
  const own = new Map<Channel, Member>();
  const brought = new Map<string, Member>();
  const members = () => [...own.values(), ...brought.values()];
  for (const channel of CHANNELS) {
    const { token } = parts.access[channel];
    if (token !== null) own.set(channel, recruit(parts, channel, token, null));
  }
  const roster = createRoster(parts, brought);
  let stopListening = () => {};
  return {
    ...knowledge(parts, own, brought),
    inspect: () => Promise.all(members().map(({ bot }) => bot.inspect())),
    async start() {
      await Promise.all([...own.values()].map(({ bot }) => bot.start()));
      stopListening = parts.ports.changes.onBotsChanged(roster.update);
      await roster.update();
    },
    async stop() {
      stopListening();
      await roster.close();
      await Promise.all(members().map(({ bot }) => bot.stop()));
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
    settlers: () =>
      members()
        .filter(({ bot }) => bot.messengerBotId !== null)
        .map((member) => [nameOf(member), (prompt: Prompt) => member.bot.settle(prompt)] as const),
    isReady: () => [...own.values()].every(({ bot }) => bot.username !== null),
  };
}

/** What the rules ask about bots. */
function knowledge(
  parts: FleetParts,
  own: ReadonlyMap<Channel, Member>,
  brought: ReadonlyMap<string, Member>,
): Omit<Bots, "inspect"> {
  return {
    urlOf(channel, projectId) {
      const member = brought.get(`${projectId}|${channel}`) ?? own.get(channel);
      const username = member?.project?.username ?? member?.bot.username ?? null;
      return username === null ? null : parts.access[channel].botUrl(username);
    },
    isDefault: (channel, messengerBotId) => own.get(channel)?.bot.messengerBotId === messengerBotId,
    identify: (channel, token) => identify(recruit(parts, channel, token, null).bot),
  };
}

async function identify(bot: Bot): Promise<BotAccount | null> {
  const report = await bot.inspect();
  const { username, messengerBotId } = report;
  if (username !== null && messengerBotId !== null) return { username, messengerBotId };
  if (report.tokenValid === false) return null;
  throw new TapinError("UNAVAILABLE", { sentence: "The messenger cannot be reached. Try again." });
}

/** Keeps the bots of projects equal to what the database says, one change at a time. */
function createRoster(parts: FleetParts, brought: Map<string, Member>) {
  let work: Promise<void> = Promise.resolve();
  let closed = false;
  const apply = async () => {
    const wanted = new Map(
      (await parts.ports.store.bots.list()).map((bot) => [`${bot.projectId}|${bot.channel}`, bot]),
    );
    for (const [key, member] of brought) {
      if (wanted.get(key)?.revision === member.project?.revision) continue;
      brought.delete(key);
      await member.bot.stop();
    }
    for (const [key, project] of wanted) {
      if (brought.has(key)) continue;
      const token = parts.ports.secrets.open(project.sealedToken);
      if (token === null) {
        parts.log.error(
          { event: "bot_sealed", username: project.username },
          "no key of TAPIN_SECRET opens this bot's token; give it again with SetBot",
        );
        continue;
      }
      const member = recruit(parts, project.channel, token, project);
      brought.set(key, member);
      await member.bot.start().catch((err: unknown) => {
        parts.log.error({ event: "bot_refused", username: project.username, err }, "a bot failed");
      });
    }
  };
  const update = () => {
    work = work.then(async () => {
      if (closed) return;
      await apply().catch((err: unknown) => {
        parts.log.warn({ event: "bots_unread", err }, "the bots of projects could not be read");
      });
    });
    return work;
  };
  return {
    update,
    async close() {
      closed = true;
      await work;
    },
  };
}

function recruit(
  parts: FleetParts,
  channel: Channel,
  token: string,
  project: ProjectBot | null,
): Member {
  const { ports, access, updates, webhookBase, log } = parts;
  const account = sha256Hex(`${channel}|${token}`);
  const webhookName = ports.secrets.derive(`webhook-name|${account}`);
  const webhookSecret = ports.secrets.derive(`webhook-secret|${account}`);
  const leaseName = `poll:${channel}:${account.slice(0, 32)}`;
  const { leases } = ports.store;
  const options: BotOptions = {
    token,
    apiUrl: access[channel].apiUrl,
    handlers: handlersOf(ports, () => identityOf(member)),
    updates:
      updates === "webhook"
        ? { kind: "webhook", url: webhookBase + webhookName, secret: webhookSecret }
        : {
            kind: "polling",
            lease: {
              acquire: () => leases.acquire(leaseName, parts.holder, POLL_LEASE_SECONDS),
              release: () => leases.release(leaseName, parts.holder),
              ttlSeconds: POLL_LEASE_SECONDS,
            },
            // What an earlier start with webhooks registered may be taken back.
            ownWebhookUrl: webhookBase + webhookName,
          },
    // What is older is about sessions long over.
    timing: { replayMs: ports.settings.sessionTtlSeconds * 1000 },
    onCall: ports.observer.messengerAnswered,
    log: log.child({ channel, ...(project === null ? {} : { bot: project.username }) }),
  };
  const bot =
    channel === "telegram"
      ? createTelegramBot(options)
      : createMaxBot({ ...options, caFile: access.max.caFile });
  const member: Member = { channel, project, bot, webhookName, webhookSecret };
  return member;
}

function nameOf({ channel, bot }: Member): string {
  return `${channel}:${bot.messengerBotId}`;
}

function identityOf(member: Member): BotIdentity {
  return { name: nameOf(member), projectId: member.project?.projectId ?? null };
}

/** What a bot reports, as verbs. */
function handlersOf(ports: Ports, identity: () => BotIdentity): BotHandlers {
  const { prompts, subscribers, updates } = ports.store;
  const accountOf = ({ channel, userId }: Person) => ({ channel, userId });
  const langOf = async (person: Person) =>
    (await subscribers.langOf(accountOf(person))) ?? person.lang;
  return {
    start: (person, payload) => openLink(ports, { person, bot: identity() }, payload),
    tap: (person, data) => decidePrompt(ports, person, data),
    shown: (token, message) => prompts.setShown(token, message),
    langOf,
    async stop(person) {
      await subscribers.unsubscribe(accountOf(person), { projectId: identity().projectId });
      return { kind: "stopped" };
    },
    async chooseLang(person, lang) {
      await subscribers.setLang(accountOf(person), lang);
      return { kind: "help" };
    },
    async setReachable(person, reachable) {
      const scope = { projectId: identity().projectId };
      await subscribers.setReachable(accountOf(person), reachable, scope);
    },
    note: (update) => updates.note(identity().name, update),
    finish: (key) => updates.finish(identity().name, key),
    takeUnfinished: () =>
      updates.takeUnfinished(identity().name, {
        olderThanSeconds: UNFINISHED_SECONDS,
        maxAgeSeconds: UPDATE_AGE_SECONDS,
        limit: 50,
      }),
  };
}
