// Where a website finds the picture of a subscriber: the messenger's own address, or one of ours
// where that is a secret. Made for each login, whose answer keeps it: a repetition tells the same
// address.

import { AVATAR_TTL_SECONDS, avatarId } from "../core/avatar.ts";
import type { Ports } from "../core/ports.ts";
import type { Subscriber } from "../core/subscriber.ts";

/** Longest wait for the messenger, in milliseconds: a login is worth more than a picture. */
const ASK_MS = 1000;

/**
 * The address of the picture; null when there is none, or when Tapin serves no pictures and the
 * messenger has no address for everybody. When the messenger does not say in time whether there is
 * one, an address is given all the same, which may answer 404. Never rejects for that.
 */
export async function avatarUrlOf(
  { bots, secrets, settings }: Pick<Ports, "bots" | "secrets" | "settings">,
  subscriber: Subscriber,
  madeAt: Date,
): Promise<string | null> {
  const { avatarUrl, projectId, id: subscriberId } = subscriber;
  if (avatarUrl !== null || settings.avatarsUrl === null) return avatarUrl;
  const hasNone = await bots.avatar(subscriber, ASK_MS).then(
    (avatar) => avatar === null,
    () => false,
  );
  if (hasNone) return null;
  const expiresAt = new Date(madeAt.getTime() + AVATAR_TTL_SECONDS * 1000);
  return settings.avatarsUrl + avatarId(secrets, { projectId, subscriberId, expiresAt });
}
