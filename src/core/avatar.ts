// Pictures of people that Tapin serves itself, because the messenger's own address is a secret
// (T18): the id of a picture, and which bytes are a picture. Pure.

import { Buffer } from "node:buffer";
import { type RandomBytes, repeatableBytes, type Secrets } from "./secret.ts";

/** A picture, as bytes: nothing of where it came from. */
export interface Avatar {
  readonly type: AvatarType;
  readonly bytes: Uint8Array;
}

/** Formats that are served, as media types. */
export type AvatarType = "image/jpeg" | "image/png" | "image/webp";

/** Whose picture an id stands for, and until when. */
export interface AvatarTicket {
  readonly projectId: string;
  readonly subscriberId: string;
  /** Whole seconds count. */
  readonly expiresAt: Date;
}

/**
 * Seconds an id works after the code was verified: a website copies the picture, or shows it for
 * the day.
 */
export const AVATAR_TTL_SECONDS = 86_400;

/** Largest picture that is served, in bytes. */
export const MAX_AVATAR_BYTES = 1024 * 1024;

// What else is sealed with the same key, such as tokens of bots, never begins like this.
const LABEL = "avatar";

/**
 * The id of a picture: sealed, so that it tells nothing and cannot be made up, and base64url. The
 * same ticket has the same id, so that an answer told twice is the same.
 */
export function avatarId(secrets: Secrets, ticket: AvatarTicket): string {
  const seconds = Math.floor(ticket.expiresAt.getTime() / 1000);
  const text = [LABEL, ticket.projectId, ticket.subscriberId, seconds].join("|");
  return secrets.seal(text, nonceOf(secrets, text));
}

/** What the id stands for; null when it was not made here. It may have expired. */
export function parseAvatarId(secrets: Secrets, id: string): AvatarTicket | null {
  if (!/^[A-Za-z0-9_-]{40,400}$/.test(id)) return null;
  const [label, projectId, subscriberId, seconds] = (secrets.open(id) ?? "").split("|");
  if (label !== LABEL || projectId === undefined || subscriberId === undefined) return null;
  return { projectId, subscriberId, expiresAt: new Date(Number(seconds) * 1000) };
}

// A nonce that only the text decides, as in a synthetic IV: it comes again with the same text only.
function nonceOf(secrets: Secrets, text: string): RandomBytes {
  return repeatableBytes(secrets.derive(`avatar-nonce|${text}`));
}

// Of the first bytes in hex; in a WebP file four bytes of length stand between the two words.
const SIGNATURES: readonly (readonly [AvatarType, RegExp])[] = [
  ["image/jpeg", /^ffd8ff/],
  ["image/png", /^89504e470d0a1a0a/],
  ["image/webp", /^52494646.{8}57454250/],
];

/**
 * The format of a picture by its first bytes
 * (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern); null when it is none that is
 * served. Telegram tells no format, and an SVG or a page could carry a script.
 */
export function avatarTypeOf(bytes: Uint8Array): AvatarType | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("hex");
  return SIGNATURES.find(([, signature]) => signature.test(head))?.[0] ?? null;
}
