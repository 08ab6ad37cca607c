// The keyring: what the embedded mode generates is kept whole and private, and never used when
// damaged.

import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKeyring } from "../src/keyring.ts";

const SECRET = "s".repeat(48);

describe("openKeyring", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tapin-keyring-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("makes a value once, and keeps it for the owner only", async () => {
    expect(await openKeyring(folder).readOrMake("secret", () => SECRET)).toBe(SECRET);
    expect(await openKeyring(folder).readOrMake("secret", () => "another")).toBe(SECRET);
    expect((await stat(join(folder, "secret"))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["secret"]);
  });

  it.each([
    ["secret", "codes and watch tokens made with the lost one then stop working"],
    ["admin-token", "a new one is made, and the lost one then stops working"],
  ] as const)("refuses a damaged %s with a sentence that says what to do", async (name, loss) => {
    await writeFile(join(folder, name), "x\n");
    const opened = openKeyring(folder).readOrMake(name, () => SECRET);
    await expect(opened).rejects.toThrow(`The file "${name}" in TAPIN_DATA_DIR is damaged.`);
    await expect(opened).rejects.toThrow(loss);
  });

  it("names the setting when the directory cannot be used", async () => {
    await writeFile(join(folder, "file"), "");
    const opened = openKeyring(join(folder, "file")).readOrMake("secret", () => SECRET);
    await expect(opened).rejects.toThrow(/^TAPIN_DATA_DIR \(/);
  });

  it("forgets with the process when it is kept in memory", async () => {
    expect(await openKeyring("memory").readOrMake("secret", () => SECRET)).toBe(SECRET);
    expect(await openKeyring("memory").read("secret")).toBeNull();
  });
});
