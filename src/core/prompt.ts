// A prompt: the message in which a bot asks a person to log in, and every other thing a bot may
// show. A screen says what to show; how a messenger shows it is the business of src/channels.

import { landingUrl } from "./project.ts";
import type { RandomBytes } from "./secret.ts";
import type { Session } from "./session.ts";
import type { Channel } from "./subscriber.ts";

/** Why a prompt is over. `live` and `approved` still carry buttons. */
export type PromptStatus =
  | "live"
  | "approved"
  | "cancelled"
  | "replaced"
  | "expired"
  | "used"
  | "mismatched";

/** A prompt as it is stored. */
export interface Prompt {
  /**
   * 22 random characters: what the buttons carry, so that stale or forged data has no effect (T13).
   */
  readonly token: string;
  readonly projectId: string;
  /** Null for a static link. */
  readonly sessionId: string | null;
  readonly channel: Channel;
  /** The person it was sent to: the only one who may tap (T12). */
  readonly userId: string;
  readonly lang: string;
  /** The bot that shows it: `<channel>:<the messenger's bot id>`. */
  readonly bot: string;
  readonly status: PromptStatus;
  /** The grant that came of it, once approved. */
  readonly grantId: string | null;
  /** Where it was shown; null until the messenger has answered. */
  readonly shown: MessageRef | null;
}

/** A prompt that is taken for settling. */
export interface StalePrompt extends Prompt {
  /**
   * Whether the person may still be asked to subscribe: the project asks, they approved, and are
   * not subscribed.
   */
  readonly asks: boolean;
}

/** Where a message is, as the messenger names it. */
export interface MessageRef {
  readonly chatId: string;
  readonly messageId: string;
}

/** What a bot shows a person. Every text for it is in src/channels/messages.ts. */
export type Screen =
  | PromptScreen
  | ConfirmedScreen
  | DoneScreen
  | {
      readonly kind:
        | "cancelled"
        | "expired"
        | "used"
        | "taken"
        | "off"
        | "replaced"
        | "mismatched"
        | "stale"
        | "cooldown"
        | "help"
        | "lang"
        | "stopped"
        | "subscribed"
        | "busy";
    };

/** Asks for the decision. */
export interface PromptScreen {
  readonly kind: "prompt";
  /** Identifies the prompt; handed back once it is shown. */
  readonly token: string;
  readonly projectName: string;
  /** Host of the website, or null when it has no address. */
  readonly host: string | null;
  /** Seconds since the session was created; null for a static link. */
  readonly ageSeconds: number | null;
  /** Browser that asks, such as `Firefox on Linux`, and its address; null where not told. */
  readonly browser: string | null;
  readonly ip: string | null;
  /** Whether Login also subscribes the person, which the prompt must then say (T22). */
  readonly subscribes: boolean;
  /** The numbers to choose from; null when a plain Login button is enough. */
  readonly choices: readonly string[] | null;
}

/** Tells that the login is confirmed. */
export interface ConfirmedScreen {
  readonly kind: "confirmed";
  readonly projectName: string;
  /** Where "Go to website" leads, with the code; null when the project has no callback URL. */
  readonly url: string | null;
  /** False for a static link: there is no page with a QR code to return to. */
  readonly fromSession: boolean;
  /** Token of the prompt, when the person may still be asked to subscribe; null otherwise. */
  readonly subscribeToken: string | null;
  /** Whether the person has subscribed by a tap on this very message, which it then says. */
  readonly subscribed: boolean;
}

/** Tells that the website has let the person in: what a confirmed login's message is settled to. */
export interface DoneScreen {
  readonly kind: "done";
  /** As in {@link ConfirmedScreen}. */
  readonly subscribeToken: string | null;
}

/** Length of a prompt token, in characters of `[A-Za-z0-9]`. */
export const PROMPT_TOKEN_LENGTH = 22;

/** What the person decided by tapping. */
export type Decision =
  | { readonly kind: "login" }
  | { readonly kind: "cancel" }
  | { readonly kind: "subscribe" }
  | { readonly kind: "match"; readonly choice: string };

const VERBS = { login: "l", cancel: "c", subscribe: "s" } as const;

/** The data a button carries: at most 64 bytes, as Telegram demands. */
export function buttonData(token: string, decision: Decision): string {
  if (decision.kind === "match") return `m:${token}:${decision.choice}`;
  return `${VERBS[decision.kind]}:${token}`;
}

const BUTTON = new RegExp(
  `^(?:([lcs]):([A-Za-z0-9]{${PROMPT_TOKEN_LENGTH}})|m:([A-Za-z0-9]{${PROMPT_TOKEN_LENGTH}}):([0-9]{2}))$`,
);

/** Reads what a tapped button carried; null when no button of ours carries this. */
export function parseButtonData(data: string): { token: string; decision: Decision } | null {
  const [, verb, token, matchToken, choice] = BUTTON.exec(data) ?? [];
  if (matchToken !== undefined && choice !== undefined) {
    return { token: matchToken, decision: { kind: "match", choice } };
  }
  if (token === undefined) return null;
  const kind = verb === "l" ? "login" : verb === "c" ? "cancel" : "subscribe";
  return { token, decision: { kind } };
}

/**
 * The screen of a login that was approved, with the code in its button where the person can land.
 */
export function confirmedScreen(login: {
  readonly projectName: string;
  readonly landingUrl: string | null;
  readonly state: string | null;
  readonly code: string;
  readonly fromSession: boolean;
  readonly subscribeToken: string | null;
}): ConfirmedScreen {
  const { projectName, landingUrl: base, state, code, fromSession, subscribeToken } = login;
  const url = base === null ? null : landingUrl(base, { code, state });
  return { kind: "confirmed", projectName, url, fromSession, subscribeToken, subscribed: false };
}

/** What the end of a session looks like to a person who comes too late. */
export function screenOfEnded(session: Session | null): Screen {
  switch (session?.status) {
    case "completed":
    case "verified":
      return { kind: "used" };
    case "cancelled":
      return { kind: "cancelled" };
    case "pending":
    case "opened":
      return { kind: "taken" };
    default:
      return { kind: "expired" };
  }
}

/**
 * The right match code among three wrong ones, in rising order: position tells nothing. Bytes that
 * are the same for every prompt of a session make the same four: else the code would be the number
 * that every prompt has.
 */
export function matchChoices(matchCode: string, random: RandomBytes): readonly string[] {
  const choices = new Set([matchCode]);
  while (choices.size < 4) {
    for (const byte of random(8)) {
      if (byte < 180 && choices.size < 4) choices.add(String(10 + (byte % 90)));
    }
  }
  return [...choices].sort();
}
