// Remembers the browsers of the demo site, in memory: who is logged in, and which sign-in attempts
// a browser has started. A real site would keep this in its own session store. HTTP is not known
// here.

import { randomBytes } from "node:crypto";
import type { Profile } from "./tapin-api.ts";

const lifetimeMs = 3_600_000;
const sessionsPerVisitor = 5;

/** One sign-in attempt a browser started, with the secrets that tie it to that browser. */
export interface PendingSession {
  /** Tapin's id of the session. */
  readonly sessionId: string;
  /** Random value that must come back unchanged on the callback URL and in the verified profile. */
  readonly state: string;
  /** PKCE verifier (RFC 7636 section 4.1): without it the code is worth nothing. */
  readonly codeVerifier: string;
  /** The verification under way or done: the watching tab and the callback URL share it. */
  login?: { readonly code: string; readonly visitor: Promise<Visitor> } | undefined;
}

/** One browser, known by the value of its cookie. */
export interface Visitor {
  /** 256-bit random value of the cookie. */
  readonly id: string;
  /** Milliseconds since the epoch: forgotten after this, one hour after it was made. */
  readonly expiresAt: number;
  /** The latest attempts, at most five. */
  readonly sessions: readonly PendingSession[];
  /** Present when logged in. */
  readonly profile?: Profile;
}

/** The site's memory. */
export interface Visitors {
  /** The visitor with this cookie value; undefined when unknown or expired. */
  get(id: string | undefined): Visitor | undefined;
  /**
   * Remembers an attempt, for this visitor or for a new one; answers with the visitor as it is now.
   */
  addSession(visitor: Visitor | undefined, session: PendingSession): Visitor;
  /**
   * Logs the visitor in under a new cookie value, so that a value known to somebody before the
   * login is worth nothing after it (session fixation). The old value keeps its attempts and loses
   * its profile.
   */
  logIn(visitor: Visitor, profile: Profile): Visitor;
  /** Forgets the visitor. */
  forget(visitor: Visitor): void;
}

/** Makes an empty memory that holds at most `limit` visitors and forgets the oldest first. */
export function createVisitors(limit = 10_000, now: () => number = Date.now): Visitors {
  const visitors = new Map<string, Visitor>();

  function get(id: string | undefined): Visitor | undefined {
    const visitor = visitors.get(id ?? "");
    return visitor && visitor.expiresAt > now() ? visitor : undefined;
  }

  function keep(visitor: Visitor): Visitor {
    visitors.set(visitor.id, visitor);
    // All live equally long, so the order of insertion is the order of expiry.
    for (const oldest of visitors.values()) {
      if (visitors.size <= limit && oldest.expiresAt > now()) break;
      visitors.delete(oldest.id);
    }
    return visitor;
  }

  function createVisitor(sessions: readonly PendingSession[], profile?: Profile): Visitor {
    const id = randomBytes(32).toString("base64url");
    const visitor = { id, expiresAt: now() + lifetimeMs, sessions };
    return keep(profile ? { ...visitor, profile } : visitor);
  }

  return {
    get,
    addSession(visitor, session) {
      const current = get(visitor?.id);
      if (!current) return createVisitor([session]);
      const sessions = [...current.sessions, session].slice(-sessionsPerVisitor);
      return keep({ ...current, sessions });
    },
    logIn(visitor, profile) {
      const current = get(visitor.id) ?? visitor;
      const { profile: _replaced, ...anonymous } = current;
      keep(anonymous);
      return createVisitor(current.sessions, profile);
    },
    forget(visitor) {
      visitors.delete(visitor.id);
    },
  };
}
