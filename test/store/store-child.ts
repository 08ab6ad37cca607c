// A process of its own around a store, run by Node or Deno: opens it, makes a project and a
// session, says so in one line of JSON, and stays until it is killed or its input ends. Arguments:
// the database's URL or the data directory (or `memory`).

import process from "node:process";
import { openStore } from "../../src/store/open.ts";
import { follow } from "../support/follow.ts";

const [target = "memory"] = process.argv.slice(2);
const databaseUrl = /^postgres/.test(target) ? target : null;

try {
  const opened = await openStore({
    databaseUrl,
    dataDir: databaseUrl === null ? target : "memory",
  });
  const follower = follow(opened.changes, "childSession1234");
  const project = await opened.store.projects.create({
    slug: "child",
    name: "Child",
    callbackUrl: null,
    originUrl: null,
    redirectUris: ["https://child.example"],
    matchCodeRequired: false,
    subscription: "automatic",
  });
  if (project !== null) {
    await opened.store.sessions.create(project.id, {
      id: "childSession1234",
      state: null,
      redirectUri: null,
      codeChallenge: null,
      matchCode: null,
      client: { ip: null, userAgent: null },
      ttlSeconds: 300,
    });
    await opened.store.sessions.open("childSession1234", { channel: "telegram", userId: "1" });
  }
  const woken = await follower.next(project === null ? 0 : 10_000);
  const session = await opened.store.sessions.findAny("childSession1234");
  say({ made: project !== null, woken, status: session?.status, sequence: session?.sequence });
  process.stdin.resume();
  process.stdin.once("end", async () => {
    await opened.close();
    process.exit(0);
  });
} catch (error) {
  say({ failed: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
