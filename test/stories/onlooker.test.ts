// An onlooker who has only the QR code's text, and so the session id, learns nothing and changes
// nothing: T1.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import { type ContractClient, type CreatedSession, refusalOf } from "../support/contract-client.ts";
import { codeOf } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

const UNKNOWN_ID = "0123456789abcdef";

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project();
});
afterAll(() => stage.stop());

/** What an onlooker may put into the Authorization header. */
const CREDENTIALS: readonly [string, () => Promise<string | null>][] = [
  ["no credentials", async () => null],
  ["a made-up watch token", async () => `tapin_watch_${"A".repeat(32)}`],
  ["the watch token of a session of their own", async () => (await newSession()).watchToken],
  ["a made-up API key", async () => `tapin_live_${"A".repeat(32)}`],
  ["another project's API key", async () => (await stage.project()).apiKey],
  ["the session id itself", async () => "aBcDeFgH12345678"],
];

const newSession = () => project.client().createSession({ state: "secret_state" });

/** Everything that can be asked about a session id. */
function questions(client: ContractClient, sessionId: string) {
  return [
    () => client.getSessionStatus(sessionId),
    () => client.watchSession(sessionId),
    () => client.watchSession(sessionId, { afterSequence: 2 }),
    () => client.cancelSession(sessionId),
  ];
}

/** The answers, without what differs from call to call. */
async function answers(client: ContractClient, sessionId: string) {
  const told = [];
  for (const question of questions(client, sessionId)) {
    const { reason, code, message, violations, headers } = await refusalOf(question());
    const challenge = headers.get("www-authenticate");
    told.push({ reason, code, message, violations, challenge });
  }
  return told;
}

describe.each(DIALECTS)("T1 over %s", (dialect) => {
  it.each(CREDENTIALS)(
    "%s: known and unknown ids get one answer, at every stage",
    async (_, credentials) => {
      const bearer = await credentials();
      const onlooker = stage.client(dialect, bearer);
      const session = await newSession();
      const unknown = await answers(onlooker, UNKNOWN_ID);
      const reasons = new Set(unknown.map(({ reason }) => reason));
      expect([["unauthorized"], ["session_not_found"]]).toContainEqual([...reasons]);
      const person = stage.person();

      expect(await answers(onlooker, session.sessionId)).toEqual(unknown);
      await person.open(session.telegramLink);
      expect(await answers(onlooker, session.sessionId)).toEqual(unknown);
      const code = codeOf(await person.tap("Login"));
      expect(await answers(onlooker, session.sessionId)).toEqual(unknown);

      const tab = stage.client(dialect, session.watchToken);
      expect(await tab.getSessionStatus(session.sessionId)).toEqual({ status: "completed", code });
    },
  );

  it("no answer to an onlooker carries the state, the code or who signed in", async () => {
    const session = await newSession();
    const code = codeOf(await stage.person({ username: "johndoe" }).logIn(session.telegramLink));
    const onlooker = stage.client(dialect, null);
    for (const question of questions(onlooker, session.sessionId)) {
      const refusal = await refusalOf(question());
      const everything = JSON.stringify([
        refusal.message,
        [...refusal.headers],
        refusal.violations,
      ]);
      for (const secret of [code, "secret_state", "johndoe", session.watchToken]) {
        expect(everything).not.toContain(secret);
      }
    }
  });
});

describe("T1 the watch token", () => {
  it("is in no link", async () => {
    const session = await newSession();
    const links = [session.telegramLink, session.maxLink].join();
    expect(links).toContain(session.sessionId);
    expect(links).not.toContain(session.watchToken);
    expect(links).not.toContain(session.watchToken.replace("tapin_watch_", ""));
  });

  it.each(["", "?access_token=TOKEN", "?watch_token=TOKEN", "?token=TOKEN"])(
    "in the address (%s) opens nothing",
    async (query) => {
      const { sessionId, watchToken } = await newSession();
      const url = `${stage.url}/v1/auth/session/${sessionId}/status`;
      const answer = await restFetch(url + query.replace("TOKEN", watchToken));
      expect([400, 401]).toContain(answer.status);
      expect(await answer.text()).not.toContain("pending");
    },
  );

  it("opens its own session only, and neither links, creation nor verification", async () => {
    const session = await newSession();
    const holder = stage.client("Connect JSON", session.watchToken);
    const other: CreatedSession = await newSession();
    const refused = [
      () => holder.getSessionStatus(other.sessionId),
      () => holder.cancelSession(other.sessionId),
      () => holder.getLink(),
      () => holder.createSession(),
      () => holder.verifyCode({ code: "any" }),
    ];
    for (const call of refused) {
      expect(await refusalOf(call())).toMatchObject({ reason: "unauthorized" });
    }
    expect(await holder.getSessionStatus(session.sessionId)).toEqual({ status: "pending" });
  });
});
