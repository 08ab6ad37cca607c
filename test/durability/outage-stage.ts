// A whole service behind a database that goes away: who calls it and watches it meanwhile, and what
// it must answer. The stories are in database-outage.test.ts and failover.test.ts.

import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  type ContractClient,
  type CreatedSession,
  type DialectName,
  refusalOf,
} from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { type OpenWatch, openWatch } from "../support/open-watch.ts";
import { makePerson } from "../support/person.ts";
import { queryOnce } from "../support/postgres.ts";
import { makeSite, openPrompt, type Site } from "../support/site.ts";
import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

/**
 * Milliseconds within which a caller must be told: 5 s are promised, the rest is for a busy
 * machine.
 */
const ANSWER_LIMIT_MS = 9_000;

/** Milliseconds until what came back must be in use again. */
const RECOVERY_LIMIT_MS = 20_000;

const WATCHED: readonly DialectName[] = ["gRPC", "Connect JSON", "REST"];

/** A role without a superuser's privileges, such as never being refused a connection. */
export interface Role {
  readonly name: string;
  /** The same database for it. */
  at(databaseUrl: string): string;
}

/** Makes one at this server. */
export async function createRole(url: string, name = `tapin_${randomBytes(4).toString("hex")}`) {
  const password = "hush";
  await queryOnce(url, `create role ${name} login password '${password}'`);
  const role: Role = {
    name,
    at: (databaseUrl) => Object.assign(new URL(databaseUrl), { username: name, password }).href,
  };
  return role;
}

/** A session that is watched in each form, and the person who is asked. */
export interface Watched {
  readonly session: CreatedSession;
  readonly watches: readonly OpenWatch[];
  tapLogin(): Promise<unknown>;
}

/** A service with a website. */
export class OutageStage {
  readonly tapin: Tapin;
  readonly site: Site;
  readonly #runtime: Runtime;
  readonly #clients: ContractClient[] = [];

  constructor(runtime: Runtime, tapin: Tapin, site: Site) {
    this.#runtime = runtime;
    this.tapin = tapin;
    this.site = site;
  }

  client(dialect: DialectName): ContractClient {
    const made = CLIENTS[dialect](this.tapin.url, this.site.apiKey);
    this.#clients.push(made);
    return made;
  }

  figure(what: string, ms: number): void {
    printFigure(`${what}, ${this.#runtime}`, `${Math.round(ms)} ms`);
  }

  /** Opens a stream in each form, once all of them stand. */
  async watchAll(session: CreatedSession): Promise<readonly OpenWatch[]> {
    const watches = WATCHED.map((dialect) => openWatch(this.client(dialect), session));
    await Promise.all(watches.map(({ first }) => first));
    return watches;
  }

  async openWatched(): Promise<Watched> {
    const session = await this.site.rest.createSession();
    const person = makePerson(this.tapin.url);
    const { message_id } = await openPrompt(person, session.telegramLink);
    const watches = await this.watchAll(session);
    return { session, watches, tapLogin: () => person.tap("Login", message_id) };
  }

  /** Every watcher is told the same code. */
  async allAreTold(watches: readonly OpenWatch[]): Promise<void> {
    const codes = await Promise.all(watches.map(({ code }) => code));
    expect(new Set(codes).size).toBe(1);
  }

  /**
   * Every dialect is told `unavailable`, in time; answers with the longest wait in milliseconds.
   */
  async callsAreUnavailable(): Promise<number> {
    const watch = stopwatch();
    const calls = DIALECTS.flatMap((dialect) => {
      const speaker = this.client(dialect);
      return [speaker.createSession(), speaker.verifyCode({ code: "no-code" })];
    });
    const reasons = (await Promise.all(calls.map(refusalOf))).map(({ reason }) => reason);
    const { ms } = watch;
    expect(reasons).toEqual(reasons.map(() => "unavailable"));
    expect(ms).toBeLessThan(ANSWER_LIMIT_MS);
    return ms;
  }

  /** The HTTP status of `/readyz`. */
  async readiness(): Promise<number> {
    return (await fetch(`${this.tapin.url}/readyz`)).status;
  }

  /** Creates sessions in every dialect until `isOver`; resolves with those that were answered. */
  async createUntil(isOver: () => boolean, answered: CreatedSession[]): Promise<void> {
    await Promise.all(
      DIALECTS.map(async (dialect) => {
        const speaker = this.client(dialect);
        while (!isOver()) {
          const created = await speaker.createSession().catch(() => null);
          if (created !== null) answered.push(created);
        }
      }),
    );
  }

  /** Until the service works again by itself: milliseconds. */
  async recovery(): Promise<number> {
    const watch = stopwatch();
    const create = () => this.site.rest.createSession().catch(() => null);
    await awaitAnswer("a session is created", create, RECOVERY_LIMIT_MS);
    const { ms } = watch;
    const isReady = async () => (await this.readiness()) === 200;
    await awaitCondition("it is ready", isReady, RECOVERY_LIMIT_MS);
    return ms;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    this.site.close();
    await this.tapin.end("SIGKILL");
  }
}

/** Starts the service on this database, with the sandbox on, and makes a website. */
export async function startOutageStage(
  runtime: Runtime,
  databaseUrl: string,
): Promise<OutageStage> {
  const env = { TAPIN_DATABASE_URL: databaseUrl, TAPIN_SANDBOX: "on" };
  const tapin = await startTapin({ runtime, env });
  return new OutageStage(runtime, tapin, await makeSite(tapin));
}
