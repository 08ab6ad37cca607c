// The ports as the gateway hands them to the rooms: the storage opened, and the bots and addresses
// that are there only later. What is started with them, and stopped, is in gateway.ts.

import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Bots } from "./core/bot-ports.ts";
import type { Observer } from "./core/observer.ts";
import type { Ports } from "./core/ports.ts";
import { createSecrets, type RandomBytes } from "./core/secret.ts";
import { TapinError } from "./errors.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { Addresses, Website } from "./mount-sandbox.ts";
import { AVATAR_PREFIX } from "./server/avatar-route.ts";
import type { Embedded } from "./store/embedded.ts";
import { type OpenedStore, openStore } from "./store/open.ts";

/** What is there only after the server listens. */
export interface Late {
  readonly addresses: Addresses;
  readonly website: Website;
  fleet: Fleet | null;
  storage: OpenedStore | null;
}

/** Opens the storage of the settings. Rejects with a sentence when it does not work. */
export function openStorage(
  config: Config,
  { embedded, observer, log }: { embedded: Embedded | null; observer: Observer; log: Logger },
): Promise<OpenedStore> {
  return openStore({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    embedded,
    onError: (what, err) => log.warn({ event: "store_error", err }, what),
    onEnded: observer.ended,
  });
}

/** The ports over this storage. */
export function portsOf(
  config: Config,
  parts: {
    storage: OpenedStore;
    secret: readonly string[];
    late: Late;
    observer: Observer;
  },
): Ports {
  const { storage } = parts;
  return {
    store: storage.store,
    changes: storage.changes,
    secrets: createSecrets(parts.secret),
    random: pooled((count) => randomBytes(count)),
    bots: lateBots(parts.late),
    observer: parts.observer,
    settings: {
      sessionTtlSeconds: config.sessionTtlSeconds,
      codeTtlSeconds: config.codeTtlSeconds,
      // The address is known only once it listens.
      get avatarsUrl() {
        return config.avatars ? parts.late.addresses.publicUrl + AVATAR_PREFIX : null;
      },
    },
  };
}

/**
 * The verbs need the bots, and the bots need the verbs: before the fleet is there, nobody has a
 * bot.
 */
function lateBots(late: Late): Bots {
  return {
    urlOf: (channel, projectId) => late.fleet?.urlOf(channel, projectId) ?? null,
    identify: async (channel, token) => (await late.fleet?.identify(channel, token)) ?? null,
    avatar: async (person, timeoutMs) => {
      if (late.fleet === null) throw new TapinError("UNAVAILABLE");
      return await late.fleet.avatar(person, timeoutMs);
    },
    isDefault: async (channel, botId) => (await late.fleet?.isDefault(channel, botId)) ?? false,
    inspect: async () => (await late.fleet?.inspect()) ?? [],
  };
}

/** Random bytes that a {@link pooled} source asks for at once. */
const POOL_BYTES = 4096;

/**
 * The same source, asked for many bytes at once: a question costs as much as the bytes of a
 * hundred. None is given twice.
 */
export function pooled(random: RandomBytes): RandomBytes {
  let pool = new Uint8Array();
  let at = 0;
  return (count) => {
    if (count > POOL_BYTES) return random(count);
    if (at + count > pool.length) {
      pool = new Uint8Array(random(POOL_BYTES));
      at = 0;
    }
    at += count;
    return pool.subarray(at - count, at);
  };
}
