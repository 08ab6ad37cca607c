// Pictures of people in MAX: their address comes with `bot_started`, and with a question about the dialog, but
// not with a tap (https://dev.max.ru/docs-api/objects/User). So it is kept from the one to the other, in memory.

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

/** Makes what completes the person of an event: with their picture, where it is known in time. Never rejects. */
export function createAvatarMemory(client: MaxClient): (event: BotEvent) => Promise<Person> {
  const known = new LRUCache<string, Known>({ max: PEOPLE_LIMIT });
  const remember = (userId: string, avatarUrl: string | null) => known.set(userId, { avatarUrl });
  return async ({ person, ...event }) => {
    if (person.avatarUrl !== null) remember(person.userId, person.avatarUrl);
    if (person.avatarUrl !== null || !("data" in event)) return person;
    if (!known.has(person.userId) && event.dialogId !== undefined) {
      remember(person.userId, await lookUp(client, event.dialogId));
    }
    return { ...person, avatarUrl: known.get(person.userId)?.avatarUrl ?? null };
  };
}

async function lookUp(client: MaxClient, dialogId: string): Promise<string | null> {
  const asked = client.getDialogPartner(dialogId).then(
    (partner) => partner && avatarOf(partner),
    () => null,
  );
  return (await waitAtMost(asked, LOOKUP_MS)) === "done" ? await asked : null;
}
