// A subscriber: a person's account as one project sees it. Names are cleaned here before anything
// else sees them; identity is channel + the messenger's user id, never a username (T17).

/** The messengers. */
export const CHANNELS = ["telegram", "max"] as const;

/** A messenger. */
export type Channel = (typeof CHANNELS)[number];

/** A person's account in a messenger. */
export interface Account {
  readonly channel: Channel;
  readonly userId: string;
}

/** A person as a messenger describes them in an update, cleaned. */
export interface Person {
  readonly channel: Channel;
  /** The messenger's user id, as text. */
  readonly userId: string;
  readonly firstName: string;
  readonly lastName: string | null;
  readonly username: string | null;
  /** Picture that may be shown to anybody, or null. */
  readonly avatarUrl: string | null;
  /** Lower-case primary subtag (BCP 47). */
  readonly lang: string;
}

/** A subscriber as it is stored. */
export interface Subscriber extends Person {
  /** UUID: the identity a website stores. */
  readonly id: string;
  readonly projectId: string;
  readonly tags: readonly string[];
  /** False after `/stop`. */
  readonly subscribed: boolean;
  /** False after the person blocked the bot. */
  readonly reachable: boolean;
}

/** Longest name kept, in characters (T27). */
export const NAME_LIMIT = 64;

/** Language when a messenger tells none. */
export const DEFAULT_LANG = "en";

// Control (Cc), format (Cf: zero-width, bidi, tags), surrogates, private use, line and paragraph
// separators.
const HOSTILE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/**
 * A name safe to show as plain text: control, zero-width and bidirectional characters removed,
 * spaces collapsed, stacks of combining marks cut to two, at most 64 characters. May come out
 * empty.
 */
export function cleanName(raw: string): string {
  const plain = raw
    .replace(HOSTILE, "")
    .replace(/(\p{M}{2})\p{M}+/gu, "$1")
    .replace(/\s+/gu, " ")
    .trim();
  return Array.from(plain).slice(0, NAME_LIMIT).join("").trim();
}

/** The lower-case primary subtag of a BCP 47 tag (`ru-RU` -> `ru`); `en` when there is none. */
export function primaryLang(tag: string | null | undefined): string {
  const primary = (tag ?? "").split(/[-_]/, 1)[0]?.toLowerCase() ?? "";
  return /^[a-z]{2,3}$/.test(primary) ? primary : DEFAULT_LANG;
}
