// The rules of biome.json keep every room to what it may import. Biome itself is asked, with a file
// in each room that imports everything: what it lets pass must be what CONTRIBUTING.md allows.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ROOT } from "./pages.ts";

/** Room -> the other rooms it may import. */
const MAY_ENTER: Readonly<Record<string, readonly string[]>> = {
  core: [],
  actions: ["core"],
  store: ["core"],
  channels: ["core"],
  fleet: ["actions", "channels", "core"],
  transcoder: [],
  server: ["actions", "core", "transcoder"],
  sandbox: ["web"],
  web: [],
};

/** What is imported from outside -> the rooms it is at home in. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  kysely: ["store"],
  pg: ["store"],
  "@electric-sql/pglite": ["store"],
  "grammy/web": ["channels"],
  "@connectrpc/connect": ["server", "web"],
  "@connectrpc/connect-node": ["server"],
  "@bufbuild/protobuf": ["server", "transcoder", "web"],
  "@bufbuild/protovalidate": ["server"],
  "prom-client": ["server"],
  "rate-limiter-flexible": ["server"],
  "lru-cache": ["channels", "store"],
  "ipaddr.js": ["core"],
  bowser: ["core"],
  "#gen/tapin/auth/v1/auth_pb.ts": ["server", "sandbox", "web"],
};

const rooms = readdirSync(`${ROOT}src`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** These could be packages of their own, or run elsewhere. */
const KNOW_NOTHING_OF_TAPIN = ["sandbox", "transcoder", "web"];

/**
 * What stands beside the rooms and is not everybody's, as errors are: the rooms that may import it;
 * no others may.
 */
const SHARED: Readonly<Record<string, readonly string[]>> = { "trace.ts": ["channels", "server"] };

/**
 * What stands beside the rooms: errors are everybody's, the rest is wiring but for what is shared.
 */
const files = readdirSync(`${ROOT}src`).filter((name) => name.endsWith(".ts"));

interface Probe {
  readonly path: string;
  readonly room: string;
  /** One for each line, from the first. */
  readonly imports: readonly { readonly from: string; readonly allowed: boolean }[];
}

/** A file of the room, at its top or one folder below, that imports everything. */
function probeOf(room: string, depth: number): Probe {
  const up = "../".repeat(depth);
  const others = rooms
    .filter((other) => other !== room)
    .map((other) => ({
      from: `${up}${other}/anything.ts`,
      allowed: MAY_ENTER[room]?.includes(other) ?? false,
    }));
  const wiring = files.map((name) => ({
    from: `${up}${name}`,
    allowed:
      (name === "errors.ts" && !KNOW_NOTHING_OF_TAPIN.includes(room)) ||
      (SHARED[name]?.includes(room) ?? false),
  }));
  const vendors = Object.entries(HOMES).map(([from, homes]) => ({
    from,
    allowed: homes.includes(room),
  }));
  const path = `src/${room}/${"deep/".repeat(depth - 1)}probe.ts`;
  return { path, room, imports: [...others, ...wiring, ...vendors] };
}

const folder = mkdtempSync(join(tmpdir(), "tapin-rooms-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Imports that Biome refuses, as `path:line`. */
function refusedBy(probes: readonly Probe[]): ReadonlySet<string> {
  copyFileSync(`${ROOT}biome.json`, join(folder, "biome.json"));
  for (const { path, imports } of probes) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    const lines = imports.map(({ from }, index) => `export type { T${index} } from "${from}";`);
    writeFileSync(join(folder, path), `${lines.join("\n")}\n`);
  }
  const args = ["lint", "--only=style/noRestrictedImports", "--vcs-enabled=false"];
  const options = { cwd: folder, encoding: "utf8" } as const;
  const { stdout } = spawnSync(
    `${ROOT}node_modules/.bin/biome`,
    [...args, "--reporter=json", "--max-diagnostics=none", "."],
    options,
  );
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] };
  return new Set(diagnostics.map(({ location }) => `${location.path}:${location.start.line}`));
}

interface Diagnostic {
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
}

const probes = rooms.flatMap((room) => [probeOf(room, 1), probeOf(room, 2)]);
const refused = refusedBy(probes);

it("biome.json knows every room", () => {
  expect(Object.keys(MAY_ENTER).sort()).toEqual([...rooms].sort());
});

it.each(probes)(
  "$path may import what its room may enter, and nothing else",
  ({ path, imports }) => {
    const passed = imports.filter((_, index) => !refused.has(`${path}:${index + 1}`));
    expect(passed.map(({ from }) => from)).toEqual(
      imports.filter(({ allowed }) => allowed).map(({ from }) => from),
    );
  },
);
