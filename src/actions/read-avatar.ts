// Read a picture that Tapin serves itself. Who knows its id may see it: nothing else is asked for.

import { type Avatar, parseAvatarId } from "../core/avatar.ts";
import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";

/** A picture, and how long it may be shown without asking again. */
export interface ReadAvatar {
  readonly avatar: Avatar;
  readonly maxAgeSeconds: number;
}

/** Longest wait for the bot, in milliseconds; it gives up by itself a little earlier. */
const READ_MS = 6000;

/** Longest time a browser keeps a picture, in seconds: a person may take it away. */
const MAX_AGE_SECONDS = 3600;

/**
 * Fails with one and the same `not_found` for an id that is not ours or has expired, for a
 * subscriber who is gone, and for a person without a picture; with `unavailable` when the messenger
 * cannot be asked.
 */
export async function readAvatar(
  { store, bots, secrets }: Pick<Ports, "store" | "bots" | "secrets">,
  id: string,
): Promise<ReadAvatar> {
  const ticket = parseAvatarId(secrets, id);
  if (ticket === null) throw new TapinError("NOT_FOUND");
  const { projectId, subscriberId, expiresAt } = ticket;
  const [subscriber, now] = await Promise.all([
    store.subscribers.find(projectId, subscriberId),
    store.clock(),
  ]);
  const secondsLeft = Math.floor((expiresAt.getTime() - now.getTime()) / 1000);
  if (subscriber === null || !(secondsLeft > 0)) throw new TapinError("NOT_FOUND");
  const avatar = await bots.avatar(subscriber, READ_MS);
  if (avatar === null) throw new TapinError("NOT_FOUND");
  return { avatar, maxAgeSeconds: Math.min(MAX_AGE_SECONDS, secondsLeft) };
}
