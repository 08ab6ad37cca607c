// One code, one recipient: who is told the code, who may read it again, and who is told nothing
// (contract section 1).

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import { type CreatedSession, firstOf, refusalOf } from "../support/contract-client.ts";
import { codeOf } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

const EXPIRED = { status: "expired" };

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project();
});
afterAll(() => stage.stop());

/** A completed session nobody has read yet. */
async function completed(): Promise<{ session: CreatedSession; code: string; answer: object }> {
  const session = await project.client().createSession();
  const code = codeOf(await stage.person().logIn(session.telegramLink));
  return { session, code, answer: { status: "completed", code } };
}

describe("a reader with the watch token", () => {
  it("T6 whose answer was lost reads the same code again, in any dialect, over status and watch", async () => {
    const { session, answer } = await completed();
    for (const dialect of DIALECTS) {
      const tab = stage.client(dialect, session.watchToken);
      expect(await firstOf(tab.watchSession(session.sessionId))).toMatchObject(answer);
      expect(await tab.getSessionStatus(session.sessionId)).toEqual(answer);
    }
  });

  it("T6 that drops the stream before the end resumes and gets the code", async () => {
    const session = await project.client().createSession();
    const tab = stage.client("gRPC-Web", session.watchToken);
    const first = await firstOf(tab.watchSession(session.sessionId));
    const code = codeOf(await stage.person().logIn(session.telegramLink));
    const afterSequence = first.sequence;
    for (const _ of ["lost", "kept"]) {
      const next = await firstOf(tab.watchSession(session.sessionId, { afterSequence }));
      expect(next).toEqual({ status: "completed", code, opened: true, sequence: 3 });
    }
  });

  it("keeps every other reader out once it has the code", async () => {
    const { session, answer } = await completed();
    const website = project.client();
    const bearer = session.watchToken;
    expect(await website.getSessionStatus(session.sessionId, { bearer })).toEqual(answer);
    expect(await website.getSessionStatus(session.sessionId)).toEqual(EXPIRED);
    expect(await firstOf(website.watchSession(session.sessionId))).toMatchObject(EXPIRED);
    expect(await website.getSessionStatus(session.sessionId, { bearer })).toEqual(answer);
  });

  it("is told expired once the code is verified", async () => {
    const { session, code } = await completed();
    const tab = stage.client("REST", session.watchToken);
    await project.client().verifyCode({ code });
    expect(await tab.getSessionStatus(session.sessionId)).toEqual(EXPIRED);
    expect(await firstOf(tab.watchSession(session.sessionId))).toMatchObject(EXPIRED);
  });
});

describe("a reader with the API key", () => {
  it("is another recipient on every call", async () => {
    const { session, answer } = await completed();
    const website = project.client();
    expect(await website.getSessionStatus(session.sessionId)).toEqual(answer);
    expect(await website.getSessionStatus(session.sessionId)).toEqual(EXPIRED);
    const tab = stage.client("REST", session.watchToken);
    expect(await tab.getSessionStatus(session.sessionId)).toEqual(EXPIRED);
  });

  it("is the same one while it repeats its Idempotency-Key, in any dialect", async () => {
    const { session, answer } = await completed();
    for (const dialect of DIALECTS) {
      const website = project.client(dialect);
      const ask = (key: string) =>
        website.getSessionStatus(session.sessionId, { headers: { "Idempotency-Key": key } });
      expect(await ask("poll-1")).toEqual(answer);
      expect(await ask("poll-2")).toEqual(EXPIRED);
    }
  });

  it("of two that watch, only one is told the code", async () => {
    const session = await project.client().createSession();
    const readers = DIALECTS.map(async (dialect) => {
      for await (const message of project.client(dialect).watchSession(session.sessionId)) {
        if (message.status !== "pending") return message;
      }
      throw new Error("no terminal message");
    });
    const code = codeOf(await stage.person().logIn(session.telegramLink));
    const told = await Promise.all(readers);
    expect(told.filter(({ status }) => status === "completed")).toMatchObject([{ code }]);
    const rest = told.filter(({ status }) => status === "expired");
    expect(rest).toHaveLength(DIALECTS.length - 1);
    expect(rest.every((message) => message.code === undefined)).toBe(true);
  });
});

describe("reading without receiving", () => {
  it.each(["status", "watch"])(
    "T4 HEAD on %s answers like GET and delivers nothing",
    async (what) => {
      const { session, answer } = await completed();
      const url = `${stage.url}/v1/auth/session/${session.sessionId}/${what}`;
      const head = await restFetch(url, { method: "HEAD", bearer: project.apiKey });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
      expect(await project.client().getSessionStatus(session.sessionId)).toEqual(answer);
    },
  );

  it("another project's key gets neither the code nor the session", async () => {
    const { session, code, answer } = await completed();
    const other = (await stage.project()).client();
    expect(await refusalOf(other.getSessionStatus(session.sessionId))).toMatchObject({
      reason: "session_not_found",
      code: 404,
    });
    expect((await refusalOf(other.verifyCode({ code }))).reason).toBe("code_invalid");
    expect(await project.client().getSessionStatus(session.sessionId)).toEqual(answer);
    expect(await project.client().verifyCode({ code })).toMatchObject({ firstName: "John" });
  });
});

it("T4 neither the database nor the log holds a code, a watch token or an API key", async () => {
  const { session, code } = await completed();
  await project.client().getSessionStatus(session.sessionId, {
    headers: { "Idempotency-Key": "dump" },
  });
  await project.client().verifyCode({ code }, { headers: { "Idempotency-Key": "dump" } });
  const tables = await stage.query(
    "select table_name from information_schema.tables where table_schema = 'public'",
  );
  const dump = [stage.tapin.output()];
  for (const { table_name } of tables) {
    const rows = await stage.query(`select to_jsonb(t)::text as row from "${table_name}" t`);
    dump.push(...rows.map(({ row }) => String(row)));
  }
  const everything = dump.join("\n");
  expect(everything).toContain(session.sessionId);
  for (const secret of [code, session.watchToken, project.apiKey, stage.tapin.adminToken]) {
    expect(everything).not.toContain(secret);
  }
});
