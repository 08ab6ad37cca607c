// Pictures of people that were read from messengers, kept in memory for a while: pages ask for the
// same ones at once and again, and a messenger should be asked once.

import { LRUCache } from "lru-cache";
import type { Avatar } from "../core/avatar.ts";
import { TapinError } from "../errors.ts";
import type { Bot } from "./bot.ts";
import { waitAtMost } from "./pause.ts";

/** Most bytes of pictures that are kept; the one used longest ago goes first. */
export const CACHE_BYTES = 16 * 1024 * 1024;

/** How long a picture is kept, in milliseconds: a person may change it. */
const PICTURE_MS = 600_000;

/**
 * How long it is kept that a person has none, in milliseconds: they may add one and log in again at
 * once.
 */
const NONE_MS = 5000;

/** What an entry takes beside its bytes. */
const ENTRY_BYTES = 512;

interface Entry {
  readonly avatar: Avatar | null;
}

/** Reads pictures, and remembers them. */
export interface AvatarCache {
  /**
   * As Bots has it: the picture, null when there is none; UNAVAILABLE when it is not there in time.
   */
  read(bot: Bot, userId: string, timeoutMs: number): Promise<Avatar | null>;
}

/** Makes an empty cache. Whoever asks for a picture that is being read waits for that reading. */
export function createAvatarCache(): AvatarCache {
  const cache = new LRUCache<string, Entry, { bot: Bot; userId: string }>({
    maxSize: CACHE_BYTES,
    ttl: PICTURE_MS,
    sizeCalculation: ({ avatar }) => ENTRY_BYTES + (avatar?.bytes.byteLength ?? 0),
    ignoreFetchAbort: true,
    async fetchMethod(_key, _stale, { context: { bot, userId }, options }) {
      const avatar = await bot.avatar(userId);
      if (avatar === null) options.ttl = NONE_MS;
      return { avatar };
    },
  });
  return {
    async read(bot, userId, timeoutMs) {
      const { channel, messengerBotId } = bot;
      if (messengerBotId === null) throw new TapinError("UNAVAILABLE");
      // What one bot may see of a person, another may not.
      const key = `${channel}:${messengerBotId}:${userId}`;
      return await inTime(cache.fetch(key, { context: { bot, userId } }), timeoutMs);
    },
  };
}

async function inTime(
  reading: Promise<Entry | undefined>,
  timeoutMs: number,
): Promise<Avatar | null> {
  try {
    if ((await waitAtMost(reading, timeoutMs)) === "done") return (await reading)?.avatar ?? null;
  } catch (cause) {
    throw cause instanceof TapinError ? cause : new TapinError("UNAVAILABLE", { cause });
  }
  throw new TapinError("UNAVAILABLE");
}
