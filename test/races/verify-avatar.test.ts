// VerifyCode while pictures are served and something fails on the way to them: a code is used only
// by an answer that tells who signed in, and a repetition tells the same. On both databases,
// straight at the verb.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyCode } from "../../src/actions/verify-code.ts";
import type { Bots } from "../../src/core/bot-ports.ts";
import type { Store } from "../../src/core/ports.ts";
import { TapinError } from "../../src/errors.ts";
import { addLogin } from "../store/seed.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { portsOver } from "../support/test-ports.ts";

const AVATARS_URL = "https://login.example/avatars/";

describe.each(DATABASES)("verifyCode with pictures on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  const portsWith = (store: Store, avatar: Bots["avatar"]) => {
    const ports = portsOver({ store, changes: database.changes });
    const settings = { ...ports.settings, avatarsUrl: AVATARS_URL };
    return { ...ports, bots: { ...ports.bots, avatar }, settings };
  };
  const away = () => Promise.reject(new TapinError("UNAVAILABLE"));

  test("a person who cannot be read makes it unavailable, and the code works in the next call", async () => {
    const { project, grant, subscriber } = await addLogin(database.store);
    const { subscribers } = database.store;
    const store = { ...database.store, subscribers: { ...subscribers, find: away } };
    const input = { code: grant.code, codeVerifier: null };
    const failed = verifyCode(portsWith(store, away), project, input, null);
    await expect(failed).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    const profile = await verifyCode(portsWith(database.store, away), project, input, null);
    expect(profile.subscriberId).toBe(subscriber.id);
    expect(profile.avatarUrl).toMatch(AVATARS_URL);
  });

  test("the same Idempotency-Key tells the same address, whatever the messenger says by then", async () => {
    const { project, grant } = await addLogin(database.store);
    const input = { code: grant.code, codeVerifier: null };
    const key = { key: "once", bodyHash: "one body" };
    const first = await verifyCode(portsWith(database.store, away), project, input, key);
    expect(first.avatarUrl).toMatch(AVATARS_URL);
    const none = portsWith(database.store, async () => null);
    expect(await verifyCode(none, project, input, key)).toEqual(first);
  });
});
