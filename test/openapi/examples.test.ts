// Every example of the document is carried out against a running service, on Node and on Deno: as a
// request made from the document alone, and the first of each operation as the command that stands
// beside it. The answer must be the example's.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { start } from "../docs/shell.ts";
import { type DocumentedOperation, OPERATIONS, type Part, resolve } from "../support/openapi.ts";
import { restFetch } from "../support/rest-client.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { type ExampleStage, type Ready, type Step, startExampleStage } from "./example-stage.ts";

/** Milliseconds that two services may take to start, on a machine that is busy. */
const START_MS = 120_000;

interface Example {
  readonly name: string;
  readonly documented: DocumentedOperation;
  readonly status: number;
  readonly mediaType: string;
  readonly answer: unknown;
}

type Examples = Readonly<Record<string, { readonly value: unknown }>>;
type Parts = Readonly<Record<string, Part>>;

/** Every example answer of the document. */
const EXAMPLES: readonly Example[] = OPERATIONS.flatMap((documented) =>
  Object.entries(documented.operation.responses as Parts)
    .filter(([, response]) => response.$ref === undefined)
    .flatMap(([status, response]) =>
      Object.entries(response.content as Parts).flatMap(([mediaType, { examples = {} }]) =>
        Object.entries(examples as Examples).map(([example, { value: answer }]) => ({
          name: `${documented.operation.operationId}/${example}`,
          documented,
          status: Number(status),
          mediaType,
          answer,
        })),
      ),
    ),
);

interface Task extends Example {
  readonly how: "the request" | "the command";
}

/** Every example as a request, and the first of each operation as a command. */
const TASKS: readonly Task[] = EXAMPLES.flatMap((example) => {
  const isFirst = EXAMPLES.find(({ documented }) => documented === example.documented) === example;
  const request = { ...example, how: "the request" } as const;
  return isFirst ? [request, { ...example, how: "the command" } as const] : [request];
});

/** These list what there is, so they come before those that add something. */
const isListing = ({ name }: Example) => /^(listProjects|diagnose)\//.test(name);
const inOrder = [
  ...TASKS.filter((task) => isListing(task)),
  ...TASKS.filter((task) => !isListing(task)),
];

describe.each(RUNTIMES)("on %s", (runtime) => {
  let stage: ExampleStage;
  beforeAll(async () => {
    stage = await startExampleStage(runtime);
  }, START_MS);
  afterAll(() => stage?.stop());

  it.each(inOrder)("$how of $name is answered as documented", async (task) => {
    const ready = await stage.prepare(task.name);
    const text = task.how === "the request" ? await sent(task, ready) : await pasted(task, ready);
    expect(told(text, task)).toEqual(told(textOf(task.answer), task, ready.live));
  });

  it("every answer has examples, and every operation a command", () => {
    const operations = new Set(EXAMPLES.map(({ documented }) => documented));
    expect(operations.size).toBe(OPERATIONS.length);
    expect(TASKS.filter(({ how }) => how === "the command")).toHaveLength(OPERATIONS.length);
  });
});

/** What the command that stands beside the operation prints. */
async function pasted({ documented }: Example, ready: Ready): Promise<string> {
  const [sample] = documented.operation["x-codeSamples"] as readonly Part[];
  const env = {
    TAPIN: ready.url,
    API_KEY: ready.apiKey,
    WATCH_TOKEN: ready.watchToken,
    TAPIN_ADMIN_TOKEN: ready.adminToken,
  };
  const command = start(withLive(String(sample?.source), ready.live), { env });
  const done = command.done();
  for (const { after, act } of ready.steps) {
    await command.printed(after);
    await act();
  }
  return await done;
}

/** Sends what the document says under the example's name, and nothing else. */
async function sent(example: Example, ready: Ready): Promise<string> {
  const { documented, mediaType, name, status } = example;
  const { operation, method } = documented;
  const key = name.slice(name.indexOf("/") + 1);
  const parameters = (operation.parameters as readonly Part[]).map(resolve);
  const values = parameters.flatMap(({ name: parameter, in: place, example: only, examples }) => {
    const value = (examples as Examples | undefined)?.[key]?.value ?? only;
    return value === undefined ? [] : [{ name: String(parameter), place, value: String(value) }];
  });
  const at = (wanted: string) => values.filter(({ place }) => place === wanted);
  const path = at("path").reduce(
    (text, { name: parameter, value }) => text.replace(`{${parameter}}`, value),
    documented.path,
  );
  const query = new URLSearchParams(at("query").map(({ name: it, value }) => [it, value]));
  const bodies = contentOf(operation.requestBody as Part | undefined).examples as Examples;
  const body = bodies?.[key]?.value;
  const headers = Object.fromEntries(at("header").map(({ name: it, value }) => [it, value]));
  const response = await restFetch(
    withLive(`${ready.url}${path}${query.size > 0 ? `?${query}` : ""}`, ready.live),
    {
      method,
      bearer: bearerFor(operation, ready),
      headers: { ...(status === 200 && { accept: mediaType }), ...headers },
      ...(body !== undefined && { body: JSON.parse(withLive(JSON.stringify(body), ready.live)) }),
    },
  );
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")?.split(";")[0]).toBe(mediaType);
  return await readWhile(response, ready.steps);
}

/** The text of an answer; the steps are taken as it arrives. */
async function readWhile({ body }: Response, steps: readonly Step[]): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let taken = 0;
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    while (steps[taken]?.after.test(text)) await steps[taken++]?.act();
  }
  return text;
}

/** The credentials that the operation takes; of several, those that its examples are told with. */
function bearerFor({ security }: Part, { apiKey, watchToken, adminToken }: Ready): string | null {
  const tokens: Readonly<Record<string, string>> = { apiKey, adminToken, watchToken };
  const [first = ""] = (security as readonly object[]).flatMap(Object.keys);
  return tokens[first] ?? null;
}

function contentOf(holder: Part | undefined): Part {
  return ((holder?.content ?? {}) as Parts)["application/json"] ?? {};
}

function withLive(text: string, live: Readonly<Record<string, string>>): string {
  return Object.entries(live).reduce((done, [shown, real]) => done.replaceAll(shown, real), text);
}

function textOf(answer: unknown): string {
  return typeof answer === "string" ? answer : JSON.stringify(answer);
}

/** Values that are made anew every time, by the name of their field. */
const MADE_ANEW = new Set([
  ...["request_id", "watch_token", "api_key", "key_id", "hint", "subscriber_id", "match_code"],
  "session_id",
  ...["created_at", "last_used_at", "revoked_at", "message_id", "code"],
]);

/**
 * An answer without what is made anew: parsed when it is JSON; streams without their heartbeats.
 */
function told(
  text: string,
  { mediaType, status }: Example,
  live: Readonly<Record<string, string>> = {},
): unknown {
  const real = withLive(text, live)
    .replace(/\?code=[A-Za-z0-9_-]{43}/, "?code=<code>")
    .replaceAll(/auths_[A-Za-z0-9]{16}/g, "auths_<session_id>");
  if (mediaType === "application/json") return JSON.parse(real, anonymous(status));
  return real
    .replaceAll(": heartbeat\n\n", "")
    .replace(/"code":"[^"]+"/g, '"code":"..."')
    .split("\n")
    .filter((line, index, lines) => line === "" || line !== lines[index - 1]);
}

/** The code of an error is its reason: that one stays. */
function anonymous(status: number): (key: string, value: unknown) => unknown {
  return (key, value) => {
    const isReason = key === "code" && status !== 200;
    return MADE_ANEW.has(key) && typeof value === "string" && !isReason ? `<${key}>` : value;
  };
}
