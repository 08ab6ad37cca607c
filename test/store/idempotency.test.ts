// Idempotency keys on both databases: the same call again, another call, a simultaneous call, a
// forgotten one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addProject, text } from "./seed.ts";

describe.each(DATABASES)("idempotency keys on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;
  let project: Project;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
    project = await addProject(store);
  });
  afterAll(() => database?.stop());

  const call = (keyHash: string, bodyHash = "body", operation = "verify", ttlSeconds = 60) => ({
    operation,
    keyHash,
    bodyHash,
    ttlSeconds,
  });

  /** One call as an action makes it: claim, work, save. */
  function once(keyHash: string, result: unknown, bodyHash = "body", owner = project) {
    return store.transaction(async (inside) => {
      const claim = await inside.idempotency.claim(owner.id, call(keyHash, bodyHash));
      if (claim.kind !== "fresh") return claim;
      await inside.idempotency.save(owner.id, { operation: "verify", keyHash, result });
      return claim;
    });
  }

  test("claim is fresh once, then repeats the saved result as it was", async () => {
    const key = text(10);
    const result = { kind: "answer", list: [1, "two", null, { three: true }], empty: "" };
    expect(await once(key, result)).toEqual({ kind: "fresh" });
    expect(await once(key, "other")).toEqual({ kind: "repeat", result });
  });

  test.each([["text"], [null], [7], [[]], [false]])("save keeps %j", async (result) => {
    const key = text(10);
    await once(key, result);
    expect(await once(key, "other")).toEqual({ kind: "repeat", result });
  });

  test("claim with another body is a conflict, and stays one for that body only", async () => {
    const key = text(10);
    await once(key, 1);
    expect(await once(key, 2, "other body")).toEqual({ kind: "conflict" });
    expect(await once(key, 2)).toEqual({ kind: "repeat", result: 1 });
  });

  test("claim of the same key by another project or operation is fresh", async () => {
    const key = text(10);
    await once(key, 1);
    expect(await once(key, 2, "body", await addProject(store))).toEqual({ kind: "fresh" });
    const other = await store.transaction((inside) =>
      inside.idempotency.claim(project.id, call(key, "body", "create")),
    );
    expect(other).toEqual({ kind: "fresh" });
  });

  test("claim after the time of the key is fresh, with another body too", async () => {
    const key = text(10);
    await once(key, 1);
    await database.query(
      `update idempotency_keys set created_at = created_at - interval '59 seconds' where key_hash = '${key}'`,
    );
    expect(await once(key, 2)).toEqual({ kind: "repeat", result: 1 });
    await database.query(
      `update idempotency_keys set created_at = created_at - interval '2 seconds' where key_hash = '${key}'`,
    );
    expect(await once(key, 2, "other body")).toEqual({ kind: "fresh" });
    expect(await once(key, 3, "other body")).toEqual({ kind: "repeat", result: 2 });
  });

  test("claim by 30 simultaneous callers: one works, the others wait and repeat", async () => {
    const key = text(10);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => once(key, n)));
    expect(answers.filter((answer) => answer.kind === "fresh")).toHaveLength(1);
    const repeats = answers.filter((answer) => answer.kind === "repeat");
    expect(repeats).toHaveLength(29);
    expect(new Set(repeats.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  test("claim waits for the first caller's end and is fresh when that was undone", async () => {
    const key = text(10);
    const order: string[] = [];
    let second: Promise<unknown> = Promise.resolve();
    const first = store.transaction(async (inside) => {
      await inside.idempotency.claim(project.id, call(key));
      second = once(key, 2).then((claim) => order.push(`second ${claim.kind}`));
      await inside.idempotency.save(project.id, { operation: "verify", keyHash: key, result: 1 });
      order.push("first fails");
      throw new Error("no");
    });
    await expect(first).rejects.toThrow("no");
    await second;
    expect(order).toEqual(["first fails", "second fresh"]);
  });

  test("claim of a key that was committed without a result is fresh", async () => {
    const key = text(10);
    await store.transaction((inside) => inside.idempotency.claim(project.id, call(key)));
    expect(await once(key, 1, "other body")).toEqual({ kind: "fresh" });
    await database.query(
      `update idempotency_keys set created_at = created_at - interval '61 seconds' where key_hash = '${key}'`,
    );
    await store.transaction((inside) => inside.idempotency.claim(project.id, call(key)));
    expect(await once(key, 2)).toEqual({ kind: "fresh" });
  });

  test("claim outside a transaction is a mistake and says so", async () => {
    await expect(store.idempotency.claim(project.id, call(text(10)))).rejects.toThrow(
      "inside a transaction",
    );
  });

  test("purge deletes what is older and counts it", async () => {
    await store.idempotency.purge(0, 1000);
    const [old, fresh] = [text(10), text(10)];
    await once(old, 1);
    await once(fresh, 1);
    await database.query(
      `update idempotency_keys set created_at = created_at - interval '2 minutes' where key_hash = '${old}'`,
    );
    expect(await store.idempotency.purge(60, 100)).toBe(1);
    expect((await once(fresh, 2)).kind).toBe("repeat");
  });
});
