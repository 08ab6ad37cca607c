// A member of the fleet: one bot with what the gateway knows of it, made from a token, and the
// verbs it reports to.

import type { Logger } from "pino";
import { decidePrompt } from "../actions/decide-prompt.ts";
import { noteTap } from "../actions/note-tap.ts";
import { openLink } from "../actions/open-link.ts";
import type { Bot, BotOptions } from "../channels/bot.ts";
import { createMaxBot } from "../channels/max.ts";
import { createTelegramBot } from "../channels/telegram.ts";
import type { BotHandlers, BotIdentity, ProjectBot } from "../core/bot-ports.ts";
import type { Ports } from "../core/ports.ts";
import { sha256Hex } from "../core/secret.ts";
import type { Channel, Person } from "../core/subscriber.ts";

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
  /** Identifies this process as the holder of polling leases and of updates. */
  readonly holder: string;
  readonly log: Logger;
}

/** Seconds after which another process may poll instead of a dead one. */
export const POLL_LEASE_SECONDS = 15;

/** What to do about a project's bot that cannot be used. */
export const SET_BOT_ADVICE = "set it again with SetBot";

/** Seconds an update may be under way in a process that lives before another try is made for it. */
const UNFINISHED_SECONDS = 90;

/** Updates older than this are about logins long over. */
const UPDATE_AGE_SECONDS = 1800;

/** One bot of the fleet. */
export interface Member {
  readonly channel: Channel;
  /** Null for this Tapin's own. */
  readonly project: ProjectBot | null;
  readonly bot: Bot;
  readonly webhookName: string;
  readonly webhookSecret: string;
}

/** Makes a member; nothing runs before its bot is started. */
export function recruit(
  parts: FleetParts,
  channel: Channel,
  { token, project }: { token: string; project: ProjectBot | null },
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
    handlers: handlersOf(parts, () => identityOf(member)),
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
    ...(project === null ? {} : { tokenAdvice: SET_BOT_ADVICE }),
  };
  const bot =
    channel === "telegram"
      ? createTelegramBot(options)
      : createMaxBot({ ...options, caFile: access.max.caFile });
  const member: Member = { channel, project, bot, webhookName, webhookSecret };
  return member;
}

/** The bot's name in rows: `<channel>:<the messenger's bot id>`. */
export function nameOf({ channel, bot }: Member): string {
  return `${channel}:${bot.messengerBotId}`;
}

function identityOf(member: Member): BotIdentity {
  return { name: nameOf(member), projectId: member.project?.projectId ?? null };
}

/** What a bot reports, as verbs. */
function handlersOf(
  { ports, holder }: Pick<FleetParts, "ports" | "holder">,
  identity: () => BotIdentity,
): BotHandlers {
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
    note: (update) => updates.note(identity().name, { ...update, holder }),
    noteTap: (update, person, data) =>
      noteTap(ports, { ...update, bot: identity().name, holder }, { person, data }),
    finish: (key) => updates.finish(identity().name, key),
    marker: () => updates.markerOf(identity().name),
    keepMarker: (marker) => updates.keepMarker(identity().name, marker),
    takeUnfinished: () =>
      updates.takeUnfinished(identity().name, {
        holder,
        olderThanSeconds: UNFINISHED_SECONDS,
        maxAgeSeconds: UPDATE_AGE_SECONDS,
        limit: 50,
      }),
  };
}
