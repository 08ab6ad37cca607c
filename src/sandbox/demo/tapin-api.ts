// The three calls a website makes to Tapin from its server side, with its API key, as plain REST.
// What the website does with the answers lives in demo.ts; watching a session is the browser's
// part.

const timeoutMs = 10_000;

/** Where Tapin's API is and the key of the project; the key never leaves the server side. */
export interface TapinApiOptions {
  /** Base URL of the API, without a slash at the end; asked for at each call. */
  readonly apiUrl: () => string;
  /** API key, `tapin_live_...`. */
  readonly apiKey: string;
}

/** Answer of `GET /v1/auth/link`: which messengers the project has. */
export interface Links {
  readonly telegram_link: string | null;
  readonly max_link: string | null;
  readonly configured: boolean;
}

/** Body of `POST /v1/auth/session`. */
export interface NewSession {
  readonly state: string;
  readonly code_challenge: string;
  readonly match_code: boolean;
  readonly client: { readonly ip: string | null; readonly user_agent: string | null };
}

/** Answer of `POST /v1/auth/session`. */
export interface CreatedSession {
  readonly session_id: string;
  readonly telegram_link: string | null;
  readonly max_link: string | null;
  readonly expires_in: number;
  readonly interval: number;
  readonly watch_token: string;
  readonly match_code?: string;
}

/**
 * Answer of `POST /v1/auth/verify`: who logged in. `subscriber_id` is the identity to keep, never
 * `username`.
 */
export interface Profile {
  readonly channel: string;
  readonly first_name: string;
  readonly username: string | null;
  readonly avatar_url: string | null;
  readonly subscriber_id: string;
  readonly lang: string;
  readonly tags: readonly string[];
  readonly state: string | null;
}

/**
 * A call that did not succeed. `reason` is Tapin's (`code_invalid`, ...), or `unreachable` when no
 * answer came.
 */
export class TapinApiError extends Error {
  readonly reason: string;

  /** Takes the reason and, as the cause, what was underneath. */
  constructor(reason: string, cause?: unknown) {
    super(`Tapin's API: ${reason}`, { cause });
    this.reason = reason;
  }
}

/** The calls; each waits at most 10 s and rejects with TapinApiError. */
export interface TapinApi {
  /** Which messengers the project has. */
  getLink(): Promise<Links>;
  /** Starts one sign-in attempt. */
  createSession(session: NewSession): Promise<CreatedSession>;
  /**
   * Trades a code for the person's data, once. The idempotency key makes a repetition within 60 s
   * safe when an answer is lost on the way.
   */
  verifyCode(body: VerifyBody, idempotencyKey: string): Promise<Profile>;
}

/** Body of `POST /v1/auth/verify`. */
export interface VerifyBody {
  readonly code: string;
  readonly code_verifier: string;
}

/** Makes the client. */
export function createTapinApi(options: TapinApiOptions): TapinApi {
  async function call(path: string, init: RequestInit): Promise<unknown> {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${options.apiKey}`);
    headers.set("accept", "application/json");
    if (init.body) headers.set("content-type", "application/json");
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(options.apiUrl() + path, {
        ...init,
        headers,
        signal,
        redirect: "error",
      });
      const answer: unknown = await response.json();
      if (!response.ok) throw new TapinApiError(reasonOf(answer));
      return answer;
    } catch (error) {
      throw error instanceof TapinApiError ? error : new TapinApiError("unreachable", error);
    }
  }

  return {
    getLink: async () => (await call("/v1/auth/link", {})) as Links,
    createSession: async (session) =>
      (await call("/v1/auth/session", {
        method: "POST",
        body: JSON.stringify(session),
      })) as CreatedSession,
    verifyCode: async (body, idempotencyKey) =>
      (await call("/v1/auth/verify", {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "idempotency-key": idempotencyKey },
      })) as Profile,
  };
}

function reasonOf(answer: unknown): string {
  const code = typeof answer === "object" && answer !== null && "code" in answer && answer.code;
  return typeof code === "string" ? code : "internal";
}
