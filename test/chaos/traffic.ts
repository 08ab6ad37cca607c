// A stream of logins as a website's server, its pages and people make them, in all dialects through
// whichever process answers. Calls that get no answer are made again, as the contract says: with
// the same Idempotency-Key.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  CallError,
  type ContractClient,
  type CreatedSession,
  type Profile,
} from "../support/contract-client.ts";
import type { ChaosEvent } from "./history.ts";
import type { ChaosPerson } from "./messengers.ts";

/** What the traffic is made of. */
export interface TrafficParts {
  /** Addresses of the processes, at some of which nobody may answer. */
  readonly addresses: readonly string[];
  readonly apiKey: string;
  readonly people: readonly ChaosPerson[];
  /** Milliseconds between two logins of a person. Default: 0. */
  readonly pauseMs?: number;
  /** Hears everything that is seen. */
  readonly record: (event: ChaosEvent) => void;
}

/** Running traffic. */
export interface Traffic {
  /** Logins that came to an end, whichever. */
  readonly finished: number;
  /** Begins no more logins; resolves once those under way have ended. */
  stop(): Promise<void>;
  /** Lets go of connections. */
  close(): void;
}

/**
 * Milliseconds until a caller without an answer gives up: shorter than an Idempotency-Key is kept.
 */
const GIVE_UP_MS = 50_000;

/** Share of the logins that the website cancels while the person is asked. */
const CANCELLED = 0.15;

/** Share of the codes that somebody else tries at the same time. */
const REPLAYED = 0.3;

/** Starts it: every person logs in again and again. */
export function startTraffic(parts: TrafficParts): Traffic {
  let isOver = false;
  let finished = 0;
  const callers = new Callers(parts);
  const working = parts.people.map(async (person) => {
    while (!isOver) {
      await new Login(parts, callers, person).run();
      finished += 1;
      await pause(parts.pauseMs ?? 0);
    }
  });
  return {
    get finished() {
      return finished;
    },
    async stop() {
      isOver = true;
      await Promise.all(working);
    },
    close: () => callers.close(),
  };
}

/**
 * Clients that stay connected, one for each process and dialect. On Deno they must not say goodbye
 * before its process has ended: a GOAWAY may abort it (denoland/deno#36788).
 */
class Callers {
  readonly #clients: readonly ContractClient[];

  constructor({ addresses, apiKey }: TrafficParts) {
    this.#clients = addresses.flatMap((url) =>
      DIALECTS.map((dialect) => CLIENTS[dialect](url, apiKey)),
    );
  }

  any(): ContractClient {
    return oneOf(this.#clients);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

class Login {
  readonly #parts: TrafficParts;
  readonly #callers: Callers;
  readonly #person: ChaosPerson;
  readonly #over = new AbortController();
  #session = "none";

  constructor(parts: TrafficParts, callers: Callers, person: ChaosPerson) {
    this.#parts = parts;
    this.#callers = callers;
    this.#person = person;
  }

  async run(): Promise<void> {
    const { record } = this.#parts;
    try {
      const created = await this.#create();
      const [code] = await Promise.all([
        this.#watch(created),
        this.#decide(created),
        Math.random() < CANCELLED ? this.#cancel(created) : null,
      ]);
      if (code === null) return;
      const attempts = [this.#verify(code)];
      if (Math.random() < REPLAYED) attempts.push(this.#replay(code));
      await Promise.all(attempts);
      await this.#replay(code);
    } catch (error) {
      record({ kind: "failed", session: this.#session, why: String(error) });
    }
  }

  async #create(): Promise<CreatedSession> {
    const headers = { "idempotency-key": randomUUID() };
    const created = await this.#persist((client) => client.createSession({}, { headers }));
    this.#session = created.sessionId;
    const { name: person } = this.#person;
    this.#parts.record({ kind: "created", session: this.#session, person });
    return created;
  }

  /**
   * The page: watches until the end, again wherever the stream breaks. Answers with the code, or
   * null.
   */
  async #watch({ watchToken: bearer }: CreatedSession): Promise<string | null> {
    const { record } = this.#parts;
    const session = this.#session;
    let afterSequence = 0;
    return await this.#persist(async (client) => {
      for await (const message of client.watchSession(session, { bearer, afterSequence })) {
        const { status, code, sequence } = message;
        afterSequence = sequence;
        if (status === "pending") continue;
        record({ kind: "told", session, status, code });
        this.#over.abort();
        return code ?? null;
      }
      throw new Error("the stream ended before the session");
    }, Number.POSITIVE_INFINITY);
  }

  async #decide({ telegramLink, maxLink }: CreatedSession): Promise<void> {
    const link = this.#person.channel === "telegram" ? telegramLink : maxLink;
    const code = await this.#person.logIn(link ?? "", this.#over.signal);
    if (code !== null) {
      this.#parts.record({ kind: "confirmed", session: this.#session, code });
    }
  }

  async #cancel({ watchToken: bearer }: CreatedSession): Promise<void> {
    await pause(Math.random() * 1000);
    await this.#persist((client) => client.cancelSession(this.#session, { bearer }));
  }

  async #verify(code: string): Promise<void> {
    const headers = { "idempotency-key": randomUUID() };
    await this.#attempt((client) => client.verifyCode({ code }, { headers }), GIVE_UP_MS);
  }

  /** Somebody who has seen the code: one call, without a key. */
  async #replay(code: string): Promise<void> {
    await this.#attempt((client) => client.verifyCode({ code }), 0);
  }

  async #attempt(
    call: (client: ContractClient) => Promise<Profile>,
    giveUpMs: number,
  ): Promise<void> {
    const { record } = this.#parts;
    const seen = { session: this.#session, attempt: randomUUID() };
    record({ kind: "verifying", ...seen });
    try {
      const { subscriberId } = await this.#persist(call, giveUpMs);
      record({ kind: "verified", ...seen, outcome: "ok", subscriber: subscriberId });
    } catch (error) {
      if (error instanceof CallError && error.reason === "code_invalid") {
        record({ kind: "verified", ...seen, outcome: "refused" });
      } else if (isPassing(error)) {
        record({ kind: "verified", ...seen, outcome: "unknown" });
      } else throw error;
    }
  }

  /** Makes the call at one process or another until it is answered. */
  async #persist<T>(
    call: (client: ContractClient) => Promise<T>,
    giveUpMs = GIVE_UP_MS,
  ): Promise<T> {
    const giveUpAt = performance.now() + giveUpMs;
    for (;;) {
      try {
        return await call(this.#callers.any());
      } catch (error) {
        if (!isPassing(error) || performance.now() >= giveUpAt) throw error;
        await pause(50 + Math.random() * 150);
      }
    }
  }
}

/** Whether the call is worth another try: nobody answered, or "not now". */
function isPassing(error: unknown): boolean {
  // A reason is in every answer of the service: what has none is a broken connection, in the
  // client's words.
  return !(error instanceof CallError) || ["", "unavailable"].includes(error.reason);
}

function oneOf<T>(choices: readonly T[]): T {
  const choice = choices[Math.floor(Math.random() * choices.length)];
  if (choice === undefined) throw new Error("there is no choice");
  return choice;
}
