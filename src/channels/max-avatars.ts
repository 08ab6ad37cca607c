// Pictures of people in MAX: their address comes with `bot_started`, and with a question about the
// dialog, but not with a tap (https://dev.max.ru/docs-api/objects/User). So it is kept from the one
// to the other, in memory.

import { LRUCache } from "lru-cache";
import type { Person } from "../core/subscriber.ts";
import type { BotEvent } from "./channel-event.ts";
import type { MaxClient } from "./max-client.ts";
import { avatarOf } from "./max-updates.ts";
import { waitAtMost } from "./pause.ts";

/** How many people's pictures are kept; the one seen longest ago goes first. */
const PEOPLE_LIMIT = 10_000;

/** How long a tap waits for the picture, in milliseconds: the login is worth more than it. */
const LOOKUP_MS = 1000;

interface Known {
  /** Null = the person has none. */
  readonly avatarUrl: string | null;
}

/** What is known of people's pictures. */
export interface AvatarMemory {
  /**
   * The person of an event with their picture, without asking anybody; null when that would have to
   * be asked for.
   */
  known(event: BotEvent): Person | null;
  /** The same with the picture where it is known in time. Never rejects. */
  complete(event: BotEvent): Promise<Person>;
}

/** Makes the memory of one bot. */
export function createAvatarMemory(client: MaxClient): AvatarMemory {
  const pictures = new LRUCache<string, Known>({ max: PEOPLE_LIMIT });
  const remember = (userId: string, avatarUrl: string | null) =>
    pictures.set(userId, { avatarUrl });
  const known = ({ person, ...event }: BotEvent) => {
    if (person.avatarUrl !== null) remember(person.userId, person.avatarUrl);
    if (person.avatarUrl !== null || !("data" in event)) return person;
    const picture = pictures.get(person.userId);
    if (picture === undefined && event.dialogId !== undefined) return null;
    return { ...person, avatarUrl: picture?.avatarUrl ?? null };
  };
  return {
    known,
    async complete(event) {
      const person = known(event);
      if (person !== null || !("dialogId" in event) || event.dialogId === undefined) {
        return person ?? event.person;
      }
      const avatarUrl = await lookUp(client, event.dialogId);
      remember(event.person.userId, avatarUrl);
      return { ...event.person, avatarUrl };
    },
  };
}

async function lookUp(client: MaxClient, dialogId: string): Promise<string | null> {
  const asked = client.getDialogPartner(dialogId).then(
    (partner) => partner && avatarOf(partner),
    () => null,
  );
  return (await waitAtMost(asked, LOOKUP_MS)) === "done" ? await asked : null;
}
