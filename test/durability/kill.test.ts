// What a process that dies without warning leaves behind: everything it has answered for. On both
// databases, on Node and on Deno; the next process starts at the same address, as after a crash in
// production.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refusalOf } from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { codeOf, makePerson } from "../support/person.ts";
import { queryOnce } from "../support/postgres.ts";
import {
  confirmLogin,
  makeSite,
  openPrompt,
  type Site,
  STORAGES,
  settledBubble,
  siteOf,
  type TestStorage,
} from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

describe.each(STORAGES)("after kill -9 on $name", { timeout: 90_000 }, ({ name, makeStorage }) => {
  describe.each(RUNTIMES)("on %s", (runtime) => {
    let storage: TestStorage;
    let tapin: Tapin;
    let site: Site;
    beforeEach(async () => {
      storage = await makeStorage();
      tapin = await startTapin({ runtime, env: storage.env });
      site = await makeSite(tapin);
    });
    afterEach(async () => {
      site?.close();
      await tapin?.end();
      await storage?.remove();
    });

    async function killAndRestart(): Promise<void> {
      expect(await tapin.end("SIGKILL")).toBe(null);
      site.close();
      const TAPIN_PORT = new URL(tapin.url).port;
      tapin = await startTapin({ runtime, env: { ...storage.env, TAPIN_PORT } });
      site = siteOf(site.slug, site.apiKey, tapin.url);
    }

    test("T9 verifyCode succeeds once with a code that was confirmed before the kill", async () => {
      const who = { first_name: "Ann", username: "ann" };
      const login = await confirmLogin(tapin, site, { who, input: { state: "tab-1" } });
      await killAndRestart();
      const { sessionId, watchToken } = login.session;
      const told = await site.rest.getSessionStatus(sessionId, { bearer: watchToken });
      expect(told).toEqual({ status: "completed", code: login.code });
      const profile = await site.rest.verifyCode({ code: login.code });
      expect(profile).toMatchObject({ firstName: "Ann", username: "ann", state: "tab-1" });
      const second = await refusalOf(site.grpc.verifyCode({ code: login.code }));
      expect(second.reason).toBe("code_invalid");
    });

    test("createSession answered just before the kill can be completed after it", async () => {
      const session = await site.rest.createSession({ state: "tab-2" });
      await killAndRestart();
      const { sessionId, watchToken } = session;
      expect(await site.rest.getSessionStatus(sessionId)).toEqual({ status: "pending" });
      if (storage.databaseUrl !== null) {
        // The bot would wait until the dead process's lease ends: two-processes.test.ts shows that
        // it does.
        await queryOnce(storage.databaseUrl, "delete from leases");
      }
      const person = makePerson(tapin.url);
      const watch = stopwatch();
      const { message_id } = await openPrompt(person, session.telegramLink);
      printFigure(`bot answers after kill -9 and restart, ${name}, ${runtime}`, `${watch}`);
      await person.tap("Login", message_id);
      const bubble = await settledBubble(person, message_id);
      const told = await site.grpc.getSessionStatus(sessionId, { bearer: watchToken });
      expect(told).toEqual({ status: "completed", code: codeOf(bubble) });
      const profile = await site.rest.verifyCode({ code: codeOf(bubble) });
      expect(profile.state).toBe("tab-2");
    });

    test("nothing answered is lost when the kill comes amid many calls", async () => {
      const login = await confirmLogin(tapin, site);
      const created: string[] = [];
      const verified: unknown[] = [];
      const tenAnswered = Promise.withResolvers<void>();
      const calls = Array.from({ length: 60 }, async (_, index) => {
        const website = index % 2 === 0 ? site.rest : site.grpc;
        created.push((await website.createSession()).sessionId);
        if (created.length === 10) tenAnswered.resolve();
      });
      calls.push(site.rest.verifyCode({ code: login.code }).then((it) => void verified.push(it)));
      const settled = Promise.allSettled(calls);
      await tenAnswered.promise;
      await killAndRestart();
      await settled;
      for (const sessionId of created) {
        expect(await site.rest.getSessionStatus(sessionId)).toEqual({ status: "pending" });
      }
      // Whether the verify was answered or not, the code works once at the most from now on.
      const outcomes = await Promise.allSettled([
        site.rest.verifyCode({ code: login.code }),
        site.grpc.verifyCode({ code: login.code }),
      ]);
      const again = outcomes.filter(({ status }) => status === "fulfilled").length;
      expect(again).toBeLessThanOrEqual(verified.length === 1 ? 0 : 1);
    });
  });
});
