// T7, T8: taps that reach the rules at the same moment, without the order a bot brings into what
// one person does. On both databases, straight at the verbs.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cancelSession } from "../../src/actions/cancel-session.ts";
import { createSession } from "../../src/actions/create-session.ts";
import { decidePrompt } from "../../src/actions/decide-prompt.ts";
import { deliverStatus } from "../../src/actions/deliver-status.ts";
import { openLink } from "../../src/actions/open-link.ts";
import type { Ports } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { buttonData, type PromptScreen, type Screen } from "../../src/core/prompt.ts";
import type { Session } from "../../src/core/session.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { addProject } from "../store/seed.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { portsOver } from "../support/test-ports.ts";

const TAPS = 100;
const ROUNDS = 30;

let people = 0;

function nextPerson(): Person {
  people += 1;
  return {
    channel: "telegram",
    userId: String(people),
    firstName: `Person ${people}`,
    lastName: null,
    username: null,
    avatarUrl: null,
    lang: "en",
  };
}

const BOT = { name: "telegram:1", projectId: null };

/** A session whose link was opened: what the person has before them. */
interface Prompted {
  readonly person: Person;
  readonly session: Session;
  readonly login: string;
  readonly cancel: string;
}

function codeOf(screen: Screen): string | null {
  return screen.kind === "confirmed" ? new URL(screen.url ?? "").searchParams.get("code") : null;
}

describe.each(DATABASES)("decidePrompt on $name", (kind) => {
  let database: RunningDatabase;
  let ports: Ports;
  let project: Project;

  beforeAll(async () => {
    database = await kind.start();
    ports = portsOver(database);
    project = await addProject(database.store);
  });
  afterAll(() => database?.stop());

  async function prompt(): Promise<Prompted> {
    const client = { ip: null, userAgent: null };
    const input = { state: null, redirectUri: null, codeChallenge: null, matchCode: false, client };
    const { session } = await createSession(ports, project, input, null);
    const person = nextPerson();
    const screen = (await openLink(
      ports,
      { person, bot: BOT },
      `auths_${session.id}`,
    )) as PromptScreen;
    return {
      person,
      session,
      login: buttonData(screen.token, { kind: "login" }),
      cancel: buttonData(screen.token, { kind: "cancel" }),
    };
  }

  async function statusOf({ session }: Prompted): Promise<string | undefined> {
    return (await ports.store.sessions.find(project.id, session.id))?.status;
  }

  /** The status and code every holder of the watch token is told. */
  async function toldTo({ session }: Prompted) {
    const caller = { kind: "watch_token", token: ports.secrets.watchTokenOf(session.id) } as const;
    const reader = { kind: "watch_token" } as const;
    const { status, code } = await deliverStatus(ports, { caller, sessionId: session.id, reader });
    return { status, code };
  }

  test("T7 100 simultaneous Login taps are one transition, one code and one subscriber", async () => {
    const prompted = await prompt();
    const { person, session, login } = prompted;
    const screens = await Promise.all(
      Array.from({ length: TAPS }, () => decidePrompt(ports, person, login)),
    );
    const codes = new Set(screens.map(codeOf));
    expect(codes.size).toBe(1);
    const [code] = codes;
    expect(code).toMatch(/^.{20,}$/);
    expect(await toldTo(prompted)).toEqual({ status: "completed", code });
    const after = await ports.store.sessions.find(project.id, session.id);
    expect(after?.sequence).toBe(3);
    const [rows] = await database.query(
      `select (select count(*) from grants where session_id = '${session.id}')::integer as grants,
        (select count(*) from subscribers where messenger_user_id = '${person.userId}')::integer
          as subscribers`,
    );
    expect(rows).toEqual({ grants: 1, subscribers: 1 });
  });

  test("T8 Login and Cancel at the same moment end in one status, and both taps are told it", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const prompted = await prompt();
      const { person, login, cancel } = prompted;
      const taps = round % 2 === 0 ? [login, cancel] : [cancel, login];
      const screens = await Promise.all(taps.map((data) => decidePrompt(ports, person, data)));
      const told = await toldTo(prompted);
      expect(await statusOf(prompted)).toBe(told.status);
      const kind = told.status === "completed" ? "confirmed" : "cancelled";
      expect(screens.map((screen) => screen.kind)).toEqual([kind, kind]);
      expect(screens.map(codeOf)).toEqual([told.code, told.code]);
    }
  });

  test("T8 cancelSession and Login at the same moment end in one status, and both are told it", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const prompted = await prompt();
      const { person, session, login } = prompted;
      const caller = { kind: "api_key", project, keyHash: "" } as const;
      const byWebsite = () => cancelSession(ports, { caller, sessionId: session.id });
      const byPerson = () => decidePrompt(ports, person, login);
      const [status, screen] =
        round % 2 === 0
          ? await Promise.all([byWebsite(), byPerson()])
          : (await Promise.all([byPerson(), byWebsite()])).toReversed();
      const told = await toldTo(prompted);
      expect(status).toBe(told.status);
      const kind = told.status === "completed" ? "confirmed" : "cancelled";
      expect(screen).toMatchObject({ kind });
      expect(await statusOf(prompted)).toBe(told.status);
    }
  });

  test("T11 Cancel on a prompt that is replaced at that moment leaves the session to the newer one", async () => {
    const prompted = await prompt();
    const { person, session, login, cancel } = prompted;
    let newer = "";
    const transaction: Ports["store"]["transaction"] = async (work) => {
      const screen = await openLink(ports, { person, bot: BOT }, `auths_${session.id}`);
      newer = buttonData((screen as PromptScreen).token, { kind: "login" });
      return await database.store.transaction(work);
    };
    const late: Ports = { ...ports, store: { ...database.store, transaction } };
    expect(await decidePrompt(late, person, cancel)).toEqual({ kind: "replaced" });
    expect(await statusOf(prompted)).toBe("opened");
    expect(await decidePrompt(ports, person, login)).toEqual({ kind: "replaced" });
    expect(await decidePrompt(ports, person, newer)).toMatchObject({ kind: "confirmed" });
  });
});
