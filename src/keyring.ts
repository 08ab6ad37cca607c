// The keyring: secrets the embedded mode generates once and keeps in the data directory, readable
// by the owner only. With `memory` they live as long as the process.

import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MIN_SECRET_BYTES } from "./core/secret.ts";

/** Generated secrets, by name. */
export interface Keyring {
  /** The kept value, or null. */
  read(name: KeyName): Promise<string | null>;
  /** Keeps the value. */
  write(name: KeyName, value: string): Promise<void>;
  /** The kept value, made now when there is none. */
  readOrMake(name: keyof typeof LOSSES, make: () => string): Promise<string>;
}

/** File names in the data directory. */
export type KeyName = keyof typeof LOSSES | "demo-api-key";

/** What the loss of a secret that is made anew costs. */
const LOSSES = {
  secret: "codes and watch tokens made with the lost one then stop working.",
  "admin-token": "a new one is made, and the lost one then stops working.",
} as const;

/** Opens the keyring of a data directory. */
export function openKeyring(dataDir: string | "memory"): Keyring {
  const { read, write } = dataDir === "memory" ? inMemory() : onDisk(dataDir);
  return {
    read,
    write,
    async readOrMake(name, make) {
      const kept = await read(name);
      // A secret as short as this was not made here: the file is damaged, or somebody else's.
      if (kept !== null && kept.length < MIN_SECRET_BYTES) {
        throw new Error(
          `The file "${name}" in TAPIN_DATA_DIR is damaged. Put it back from a backup, or delete it: ` +
            LOSSES[name],
        );
      }
      if (kept !== null) return kept;
      const made = make();
      await write(name, made);
      return made;
    },
  };
}

function inMemory(): Pick<Keyring, "read" | "write"> {
  const kept = new Map<KeyName, string>();
  return {
    read: async (name) => kept.get(name) ?? null,
    write: async (name, value) => {
      kept.set(name, value);
    },
  };
}

function onDisk(dataDir: string): Pick<Keyring, "read" | "write"> {
  const fileOf = (name: KeyName) => join(dataDir, name);
  return {
    async read(name) {
      try {
        return (await readFile(fileOf(name), "utf8")).trim() || null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw new Error(`TAPIN_DATA_DIR (${dataDir}) cannot be read: ${error}`, { cause: error });
      }
    },
    async write(name, value) {
      const fresh = `${fileOf(name)}.new`;
      try {
        await mkdir(dataDir, { recursive: true, mode: 0o700 });
        await writeFile(fresh, `${value}\n`, { mode: 0o600 });
        // `mode` applies to a new file only.
        await chmod(fresh, 0o600);
        // A crash in the middle leaves the old file or the new one, never half of one.
        await rename(fresh, fileOf(name));
      } catch (cause) {
        throw new Error(`TAPIN_DATA_DIR (${dataDir}) cannot be written to: ${cause}`, { cause });
      }
    },
  };
}
