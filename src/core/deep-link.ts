// Deep links: the URL that opens a bot, and the payload in it. `auth_<slug>` is a project's static
// link, `auths_<session id>` belongs to one session; the fifth character keeps the two apart.

import { SESSION_ID_LENGTH } from "./session.ts";

/** Longest payload Telegram passes on, in characters of `A-Za-z0-9_-`. */
export const PAYLOAD_LIMIT = 64;

/** Longest project slug: what is left of a payload after `auth_`. */
export const SLUG_LIMIT = 59;

/** What a payload asks for. */
export type Payload =
  | { readonly kind: "project"; readonly slug: string }
  | { readonly kind: "session"; readonly sessionId: string };

const SESSION_PAYLOAD = new RegExp(`^auths_([A-Za-z0-9]{${SESSION_ID_LENGTH}})$`);
const PROJECT_PAYLOAD = new RegExp(`^auth_([a-z0-9-]{1,${SLUG_LIMIT}})$`);

/** Reads the text after `start=`; null when it is none of ours. */
export function parsePayload(payload: string): Payload | null {
  const session = SESSION_PAYLOAD.exec(payload)?.[1];
  if (session !== undefined) return { kind: "session", sessionId: session };
  const slug = PROJECT_PAYLOAD.exec(payload)?.[1];
  return slug === undefined ? null : { kind: "project", slug };
}

/** The deep link of a bot for a payload. `botUrl` is the bot's address without a query. */
export function deepLink(botUrl: string, payload: Payload): string {
  const start = payload.kind === "session" ? `auths_${payload.sessionId}` : `auth_${payload.slug}`;
  return `${botUrl}?start=${start}`;
}
