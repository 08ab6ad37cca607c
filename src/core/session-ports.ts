// The ports of sessions and their grants: what is stored of a sign-in attempt, and each step of it
// as one conditional statement. src/store implements the tables; what a session and a grant are is
// in session.ts and grant.ts.

import type { Grant } from "./grant.ts";
import type { Session } from "./session.ts";
import type { Channel } from "./subscriber.ts";

/** A session to create. */
export type SessionDraft = Pick<
  Session,
  "id" | "state" | "redirectUri" | "codeChallenge" | "matchCode" | "client" | "ttlSeconds"
>;

/** What is known without asking of a session that has not ended. */
export type PendingSession = Pick<Session, "projectId" | "opened" | "sequence">;

/** Sessions. Every change raises `sequence` and wakes the session's watchers, on every process. */
export interface SessionTable {
  create(projectId: string, draft: SessionDraft): Promise<Session>;
  /** Null when the project has no such session. */
  find(projectId: string, sessionId: string): Promise<Session | null>;
  /**
   * The session, whatever its project. Not scoped: for callers whose watch token or deep link names
   * it.
   */
  findAny(sessionId: string): Promise<Session | null>;
  /**
   * What this process knows of the session without asking the database, if that is that it has not
   * ended, or had not 700 ms ago; null = ask. Never when this process has told anybody of its end.
   * Not scoped: the answer says whose it is.
   */
  findPending(sessionId: string): Promise<PendingSession | null>;
  /**
   * pending -> opened, owned by this account. Answers the session as it then is when this account
   * owns it (also when it did before), null otherwise: taken, ended or missing. Not scoped: a deep
   * link names it.
   */
  open(sessionId: string, owner: { channel: Channel; userId: string }): Promise<Session | null>;
  /** opened -> completed, if this account owns it and its time is not over. */
  approve(
    projectId: string,
    sessionId: string,
    owner: { channel: Channel; userId: string },
  ): Promise<Session | null>;
  /** pending, opened -> cancelled. With `owner`, only if this account owns it. */
  cancel(
    projectId: string,
    sessionId: string,
    owner?: { channel: Channel; userId: string },
  ): Promise<Session | null>;
  /**
   * pending, opened -> expired for up to `limit` sessions whose time is over; the count. Across
   * projects: for the sweeper.
   */
  expire(limit: number): Promise<number>;
  /**
   * Deletes up to `limit` sessions that ended more than `hours` ago, with their grants and prompts.
   * Across projects: for the sweeper.
   */
  purge(hours: number, limit: number): Promise<number>;
}

/** A grant to create. */
export interface GrantDraft {
  /** UUID. */
  readonly id: string;
  readonly sessionId: string | null;
  readonly subscriberId: string;
  readonly codeHash: string;
  readonly codeChallenge: string | null;
  readonly state: string | null;
  readonly ttlSeconds: number;
}

/** Who signed in, as VerifyCode answers it. */
export interface VerifiedProfile {
  readonly subscriberId: string;
  readonly channel: Channel;
  readonly firstName: string;
  readonly username: string | null;
  readonly avatarUrl: string | null;
  readonly lang: string;
  readonly tags: readonly string[];
  readonly state: string | null;
}

/** A session, and its grant for whoever asked. */
export interface DeliveredSession {
  readonly session: Session;
  /** Null = this recipient gets no code. */
  readonly grant: Grant | null;
}

/** Grants. */
export interface GrantTable {
  create(projectId: string, draft: GrantDraft): Promise<void>;
  /**
   * The session's grant for this recipient: claims it when nobody has it yet. Null when it is
   * another recipient's, or its code is used or expired. One statement (contract: one code, one
   * recipient).
   */
  deliver(projectId: string, sessionId: string, recipient: string): Promise<Grant | null>;
  /**
   * The session, as `find` of sessions (or `findAny` with `null`, for callers whose watch token
   * names it), and if it is completed what `deliver` gives this recipient. One statement.
   */
  read(
    projectId: string | null,
    sessionId: string,
    recipient: string,
  ): Promise<DeliveredSession | null>;
  /** The grant, if its code is neither used nor expired. For showing the button again. */
  findLive(projectId: string, grantId: string): Promise<Grant | null>;
  /**
   * Id of the subscriber whom this code stands for, while it is neither used nor expired; null
   * otherwise. Uses nothing and looks at no verifier: not for an answer.
   */
  subscriberOfLive(projectId: string, codeHash: string): Promise<string | null>;
  /**
   * Uses the code: of any number of simultaneous calls exactly one gets the profile. The challenge
   * must be the one given at create (null when none was). The session becomes `verified`. Null: not
   * valid.
   */
  verify(
    projectId: string,
    codeHash: string,
    challenge: string | null,
  ): Promise<VerifiedProfile | null>;
  /**
   * Counts a wrong verifier; at `limit` the code is burnt (T3). Nothing happens for a code that is
   * not live.
   */
  countWrongVerifier(projectId: string, codeHash: string, limit: number): Promise<void>;
  /**
   * Deletes grants of static links that ended more than `hours` ago. Across projects: for the
   * sweeper.
   */
  purge(hours: number, limit: number): Promise<number>;
}
