// Note a tap: and if it is a Login that nothing stands in the way of, decide it in the same commit.
// Everything else is decided by decide-prompt.ts, once it is noted.

import type { TapState, UpdateNote } from "../core/bot-ports.ts";
import type { Ports } from "../core/ports.ts";
import { confirmedScreen, parseButtonData } from "../core/prompt.ts";
import { randomUuid, sha256Hex } from "../core/secret.ts";
import type { Person } from "../core/subscriber.ts";

/** What was known of the tap, and what to show when it was decided. */
export async function noteTap(
  ports: Ports,
  { bot, ...note }: UpdateNote,
  { person, data }: { person: Person; data: string },
): Promise<TapState> {
  const { updates } = ports.store;
  const tapped = parseButtonData(data);
  const decision = tapped?.decision;
  if (!tapped || (decision?.kind !== "login" && decision?.kind !== "match")) {
    return { state: await updates.note(bot, note), spoken: null };
  }
  const grantId = randomUuid(ports.random);
  const code = ports.secrets.codeOf(grantId);
  const { state, login } = await updates.noteTap(bot, {
    ...note,
    login: {
      person,
      token: tapped.token,
      choice: decision.kind === "match" ? decision.choice : null,
      grantId,
      codeHash: sha256Hex(code),
      codeTtlSeconds: ports.settings.codeTtlSeconds,
    },
  });
  if (login === null) return { state, spoken: null };
  const { lang, asks, ...confirmed } = login;
  const subscribeToken = asks ? tapped.token : null;
  return {
    state,
    spoken: { screen: confirmedScreen({ ...confirmed, code, subscribeToken }), lang },
  };
}
