// The README's commands and examples, run as they stand there, against services started for it.

import { mkdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type MessengerServer, startMessengers } from "../support/messenger-server.ts";
import { makePerson, type Person } from "../support/person.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { makeDataDir } from "../support/tapin.ts";
import { type CodeBlock, codeBlocks, ROOT, readPage } from "./pages.ts";
import { type Environment, type Running, run, start } from "./shell.ts";

const text = readPage("README.md");
const blocks = codeBlocks(text);
const used = new Set<CodeBlock>();

/** The one block of this language that has this text in it. */
function block(language: string, part: string): string {
  const found = blocks.filter((it) => it.language === language && it.text.includes(part));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`README.md has ${found.length} ${language} blocks with ${part}`);
  }
  used.add(only);
  return only.text;
}

function parse(json: string): Record<string, unknown> {
  return JSON.parse(json);
}

/** The keys of an answer as the README shows it. */
function keysOf(example: string): readonly string[] {
  return Object.keys(parse(block("json", example)));
}

const folders: { path: string; remove(): Promise<void> }[] = [];
afterAll(async () => {
  for (const folder of folders) await folder.remove();
});

/** Saves an example inside the project, where its imports are found. */
async function save(name: string, code: string): Promise<string> {
  const folder = await makeDataDir();
  folders.push(folder);
  await mkdir(ROOT + folder.path, { recursive: true });
  await writeFile(`${ROOT}${folder.path}/${name}`, code);
  return ROOT + folder.path;
}

describe("README.md, to begin with", () => {
  it("shows the command that runs it within its first twelve lines", () => {
    const line = text.split("\n").indexOf("npm start") + 1;
    expect(line).toBeGreaterThan(0);
    expect(line).toBeLessThanOrEqual(12);
  });

  it("shows the flow in five lines", () => {
    const [, flow = ""] = /^## The flow\n([\s\S]*?)^## /m.exec(text) ?? [];
    expect(flow.match(/^\d\. /gm)).toHaveLength(5);
  });
});

describe("README.md, one contract and four dialects", () => {
  let service: Running;
  let person: Person;
  let env: Environment;
  let website = "";

  const create = async () => {
    const session = parse(await run(block("bash", '"$TAPIN/v1/auth/session"'), { env }));
    const { session_id: SESSION_ID, watch_token: WATCH_TOKEN } = session;
    env = { ...env, SESSION_ID: String(SESSION_ID), WATCH_TOKEN: String(WATCH_TOKEN) };
    return session;
  };

  beforeAll(async () => {
    const [clone, enter, ...rest] = block("bash", "git clone").split("\n");
    expect(clone).toMatch(/^git clone '.+' tapin$/);
    expect(enter).toBe("cd tapin");
    service = start(rest.join("\n"), { env: { TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" } });
    [, website = ""] = await service.printed(/Demo website\s+(\S+)/);
    const [, API_KEY = ""] = await service.printed(/API key\s+(tapin_live_\w+)/);
    const TAPIN = new URL(website).origin;
    env = { TAPIN, API_KEY };
    person = makePerson(TAPIN, { username: "johndoe" });
  });
  afterAll(() => service?.end());

  it("npm start serves the demo website, with no setup at all", async () => {
    expect(await (await fetch(website)).text()).toContain("<html");
  });

  it("JSON REST creates a session, answered as shown", async () => {
    const session = await create();
    expect(Object.keys(session)).toEqual(keysOf("telegram_link"));
    expect(session).toMatchObject({ expires_in: 300, interval: 2 });
    const shown = parse(block("json", "telegram_link"));
    for (const link of ["telegram_link", "max_link"]) {
      const [address] = String(shown[link]).split("?");
      expect(String(session[link])).toBe(
        `${address?.replace("http://127.0.0.1:8080", String(env.TAPIN))}?start=auths_${session.session_id}`,
      );
    }
  });

  it("watching as server-sent events tells the code when the person taps Login, and it is verified once", async () => {
    const session = await create();
    const watching = start(block("bash", "curl -sN"), { env });
    await watching.printed(/"status":"pending"/);
    await person.logIn(String(session.telegram_link));
    const events = (await watching.done()).trim().split("\n\n");
    const shown = block("text", "event: status").trim().split("\n\n");
    expect(events.slice(-2).map((event) => event.replace(/("code":)"[^"]+"/, '$1"..."'))).toEqual(
      shown,
    );
    const code = /"code":"([^"]+)"/.exec(events.join())?.[1] ?? "";
    const verify = block("bash", "/v1/auth/verify");
    const profile = parse(await run(verify, { env: { ...env, CODE: code } }));
    expect(Object.keys(profile)).toEqual(keysOf("subscriber_id"));
    expect(profile).toMatchObject({ first_name: "John", username: "johndoe", state: "hello" });
    const again = parse(await run(verify, { env: { ...env, CODE: code } }));
    expect(again).toMatchObject({ code: "code_invalid" });
  });

  it("Connect and gRPC create a session too", async () => {
    const connect = parse(await run(block("bash", 'curl -s "$TAPIN/tapin.auth'), { env }));
    const grpc = parse(await run(block("bash", "--protocol grpc"), { env }));
    for (const session of [connect, grpc]) {
      expect(session.sessionId).toMatch(/^[A-Za-z0-9]{16}$/);
      expect(session.watchToken).toMatch(/^tapin_watch_/);
    }
  });

  it("reflection lists what there is to call, and health says that it serves", async () => {
    const lines = (await run(block("bash", "--list-methods"), { env })).split("\n");
    expect(lines).toContain("tapin.auth.v1.AuthService/CreateSession");
    expect(lines.join("")).toMatch(/\{\s*"status":\s*"SERVING"\s*\}$/);
  });

  it("gRPC-Web watches with connect-web", async () => {
    const session = await create();
    const cwd = await save("watch.ts", block("ts", "// watch.ts"));
    const watching = start(block("bash", "watch.ts"), { env, cwd });
    await watching.printed(/^waiting$/m);
    await person.logIn(String(session.telegram_link));
    expect(await watching.done()).toMatch(/^the code is \S{43}$/m);
  });

  it("the blanks are those the examples use", async () => {
    const blanks = block("bash", "export SESSION_ID");
    expect([...blanks.matchAll(/^export (\w+)=/gm)].map(([, name]) => name)).toEqual([
      "TAPIN",
      "API_KEY",
      "SESSION_ID",
      "WATCH_TOKEN",
      "CODE",
    ]);
    await run(blanks, { env: {} });
  });
});

describe("README.md, put in front of a website", () => {
  let postgres: TestPostgres;
  let telegram: MessengerServer;
  let service: Running;
  let env: Environment;

  beforeAll(async () => {
    postgres = await startPostgres();
    telegram = await startMessengers();
    const port = await freePort();
    const settings = {
      ...telegram.telegramEnv,
      // Nothing of this machine is at the public URL of the example: webhooks would not arrive.
      TAPIN_UPDATES: "polling",
      TAPIN_DATABASE_URL: await postgres.createDatabase(),
      TAPIN_PORT: port,
    };
    // The reader has just made the token, and keeps it.
    const commands = block("bash", "TAPIN_DATABASE_URL").replace(
      /^npm start$/m,
      'echo "token $TAPIN_ADMIN_TOKEN"\nnpm start',
    );
    service = start(commands, { env: settings });
    const [, token = ""] = await service.printed(/^token (\w+)$/m);
    const [, url] = await service.printed(/"event":"ready","url":"([^"]+)"/);
    expect(url).toBe("https://login.example.com");
    env = { TAPIN: `http://127.0.0.1:${port}`, TAPIN_ADMIN_TOKEN: token };
  });
  afterAll(async () => {
    await service?.end();
    await telegram?.close();
    await postgres?.stop();
  });

  it("the commands make a project and an API key, and the website's code logs a person in", async () => {
    const answers = await run(block("bash", "/v1/admin/projects"), { env });
    const [project = "", key = ""] = answers.split(/(?<=\})(?=\{)/);
    expect(parse(project)).toMatchObject({ slug: "my-shop", name: "My Shop" });
    Object.assign(process.env, { TAPIN: env.TAPIN, API_KEY: parse(key).api_key });
    const folder = await save("site.ts", block("ts", "// site.ts"));
    const site: Site = await import(`${folder}/site.ts`);

    const { cookie, location } = await site.startLogin();
    expect(location).toMatch(/^https:\/\/t\.me\/\w+\?start=auths_/);
    const callback = await approve(telegram, location);
    expect(callback.origin + callback.pathname).toBe("https://shop.example.com/callback");
    await expect(site.finishLogin(callback.searchParams, "another")).rejects.toThrow(
      "another browser",
    );
    const signedIn = await site.finishLogin(callback.searchParams, cookie);
    expect(signedIn).toMatchObject({ first_name: "Anna", state: cookie });
    await expect(site.finishLogin(callback.searchParams, cookie)).rejects.toThrow("code_invalid");
  });
});

interface Site {
  startLogin(): Promise<{ cookie: string; location: string }>;
  finishLogin(query: URLSearchParams, cookie: string): Promise<Record<string, unknown>>;
}

/** A person opens the link and taps Login; where "Go to website" leads. */
async function approve({ sandbox }: MessengerServer, link: string): Promise<URL> {
  const user = { id: "4711", firstName: "Anna" };
  const owner = { channel: "telegram", userId: user.id } as const;
  const { messages: asked } = await sandbox.openLink({ link, user });
  const messageId = asked.at(-1)?.messageId ?? "";
  const { messages } = await sandbox.tapButton({ ...owner, messageId, label: "Login" });
  const url = messages.at(-1)?.buttons[0]?.url;
  if (url === undefined) throw new Error("the bot shows no button with a URL");
  return new URL(url);
}

it("README.md has no example that was not run", () => {
  expect(blocks.filter((it) => !used.has(it)).map(({ line }) => `line ${line}`)).toEqual([]);
});
