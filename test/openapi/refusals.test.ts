// What the document says of refusals is so: each operation gives the errors that come of how it is
// called, with the documented body and headers, and what a request schema forbids is refused by the
// field's name.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  DOCUMENT,
  type DocumentedOperation,
  OPERATIONS,
  type Part,
  resolve,
} from "../support/openapi.ts";
import { type RestCall, restFetch } from "../support/rest-client.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";
import { DEFAULT_SIZES } from "../support/test-ports.ts";

/** Milliseconds that two services may take to start, on a machine that is busy. */
const START_MS = 120_000;

let tapin: Tapin;
let hurried: Tapin;
beforeAll(async () => {
  [tapin, hurried] = await Promise.all([
    startTapin(),
    startTapin({ env: { TAPIN_RATE_LIMIT: "1", TAPIN_FAILURE_LIMIT: "1" } }),
  ]);
}, START_MS);
afterAll(async () => {
  await Promise.all([tapin?.end(), hurried?.end()]);
});

type Parts = Readonly<Record<string, Part>>;

/** An address of the operation, with the document's own values. */
function addressOf({ path, operation }: DocumentedOperation, service = tapin): string {
  const parameters = (operation.parameters as readonly Part[]).map(resolve);
  return parameters.reduce((text, { name, example, examples }) => {
    const [first] = Object.values((examples ?? {}) as Readonly<Record<string, Part>>);
    return text.replace(`{${name}}`, String(example ?? first?.value));
  }, `${service.url}${path}`);
}

/** Calls with the first credentials that the operation takes. */
async function call(
  documented: DocumentedOperation,
  { suffix = "", service = tapin, ...rest }: RestCall & { suffix?: string; service?: Tapin } = {},
): Promise<{ status: number; answer: Part }> {
  const { operation, method } = documented;
  const [scheme = ""] = (operation.security as readonly object[]).flatMap(Object.keys);
  const tokens: Readonly<Record<string, string>> = {
    apiKey: service.apiKey,
    adminToken: service.adminToken,
  };
  const bearer = tokens[scheme] ?? null;
  const url = addressOf(documented, service) + suffix;
  const response = await restFetch(url, { method, bearer, ...rest });
  return { status: response.status, answer: (await response.json()) as Part };
}

const takesBody = ({ operation }: DocumentedOperation) => operation.requestBody !== undefined;
const takesKey = ({ operation }: DocumentedOperation) => (operation.security as []).length > 0;

/**
 * Reason -> how to meet it, and by which operations. The helper that sends checks body and headers.
 */
const MEETINGS: readonly {
  readonly reason: string;
  readonly at?: (documented: DocumentedOperation) => boolean;
  meet(documented: DocumentedOperation): ReturnType<typeof call>;
}[] = [
  { reason: "validation_failed", meet: (it) => call(it, { suffix: "?no_such_field=1" }) },
  { reason: "unauthorized", at: takesKey, meet: (it) => call(it, { bearer: null }) },
  { reason: "not_acceptable", meet: (it) => call(it, { headers: { accept: "image/png" } }) },
  {
    reason: "uri_too_long",
    meet: (it) => call(it, { suffix: `?q=${"x".repeat(DEFAULT_SIZES.urlBytes)}` }),
  },
  {
    reason: "headers_too_large",
    meet: (it) => call(it, { headers: { "x-long": "x".repeat(DEFAULT_SIZES.headBytes) } }),
  },
  {
    reason: "unsupported_media_type",
    at: takesBody,
    meet: (it) => call(it, { headers: { "content-type": "text/plain" }, body: {} }),
  },
  {
    reason: "body_too_large",
    at: takesBody,
    meet: (it) => call(it, { body: { text: "x".repeat(DEFAULT_SIZES.bodyBytes) } }),
  },
  {
    reason: "rate_limited",
    at: takesKey,
    async meet(it) {
      for (let count = 0; ; count++) {
        // Budgets are of projects, and of addresses whose credentials are refused.
        const isOperators = JSON.stringify(it.operation.security).includes("adminToken");
        const met = await call(it, { service: hurried, ...(isOperators && { bearer: "none" }) });
        if (met.status === 429 || count > 20) return met;
      }
    },
  },
];

describe.each(MEETINGS)("$reason", ({ reason, at = () => true, meet }) => {
  it.each(OPERATIONS.filter(at))("$method $path gives it as documented", async (documented) => {
    const { status, answer } = await meet(documented);
    expect(answer.code).toBe(reason);
    const given = (documented.operation.responses as Parts)[status] ?? {};
    expect(JSON.stringify(resolve(given))).toContain(`"${reason}"`);
  });
});

describe("the examples of shared responses", () => {
  const shared = (DOCUMENT.components as { responses: Parts }).responses;
  const examples = Object.entries(shared).flatMap(([name, response]) =>
    Object.entries(contentOf(response).examples ?? {}).map(([reason, { value }]) => ({
      name,
      reason,
      value: value as Part,
    })),
  );

  it.each(examples)("$name is answered as documented", async ({ reason, value }) => {
    const meeting = MEETINGS.find((each) => each.reason === reason);
    const documented = OPERATIONS.find(
      ({ operation }) => operation.operationId === "createSession",
    );
    if (meeting === undefined || documented === undefined) throw new Error(`cannot meet ${reason}`);
    const { answer } = await meeting.meet(documented);
    expect(answer).toEqual({ ...value, request_id: answer.request_id });
  });
});

interface Forbidden {
  readonly documented: DocumentedOperation;
  readonly field: string;
  readonly what: string;
  readonly body: object;
}

/** For each field of a body: values that its schema forbids. */
const FORBIDDEN: readonly Forbidden[] = OPERATIONS.filter(takesBody).flatMap((documented) => {
  const schema = resolve(contentOf(documented.operation.requestBody as Part).schema as Part);
  const good = goodValue(schema) as Readonly<Record<string, unknown>>;
  const missing = ((schema.required ?? []) as string[]).map((field) => {
    const { [field]: _, ...body } = good;
    return { documented, field, what: "missing", body };
  });
  const broken = Object.entries(schema.properties as Parts).flatMap(([field, property]) =>
    badValues(property).map(({ what, value }) => ({
      documented,
      field,
      what,
      body: { ...good, [field]: value },
    })),
  );
  const unknown = {
    documented,
    field: "no_such_field",
    what: "unknown",
    body: { ...good, no_such_field: 1 },
  };
  return [...missing, ...broken, unknown];
});

it.each(FORBIDDEN)(
  "$documented.method $documented.path refuses $field: $what",
  async ({ documented, field, body }) => {
    const { answer } = await call(documented, { body });
    expect(answer.code).toBe("validation_failed");
    const fields = (answer.violations as readonly { field: string }[]).map((each) => each.field);
    expect(fields.some((each) => each.split(/[.[]/)[0] === field)).toBe(true);
  },
);

/** Values that a schema forbids, with what is wrong with them. */
function badValues(given: Part): readonly { what: string; value: unknown }[] {
  const schema = resolve(given);
  const { minLength, maxLength, maxItems, pattern, enum: values } = schema;
  const isList = schema.type === "array";
  return [
    { what: "of another type", value: isList ? "text" : [] },
    ...(Number(minLength) > 0 ? [{ what: "too short", value: "" }] : []),
    ...(maxLength === undefined
      ? []
      : [{ what: "too long", value: "7".repeat(Number(maxLength) + 1) }]),
    ...(pattern === undefined ? [] : [{ what: "not by the pattern", value: "\u0000" }]),
    ...(values === undefined ? [] : [{ what: "not of the enum", value: "no-such-value" }]),
    ...(maxItems === undefined
      ? []
      : [{ what: "too many", value: Array(Number(maxItems) + 1).fill("https://a.example/") }]),
  ];
}

/** The required fields with values that nobody refuses for their form. */
function goodValue(given: Part): unknown {
  const schema = resolve(given);
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (schema.type !== "object") return schema.pattern === "^[1-9][0-9]*$" ? "4711" : "good";
  const { properties = {}, required = [] } = schema as { properties?: Parts; required?: string[] };
  return Object.fromEntries(required.map((name) => [name, goodValue(properties[name] ?? {})]));
}

function contentOf(holder: Part): { schema?: unknown; examples?: Parts } {
  return (holder.content as Parts)["application/json"] as { schema?: unknown; examples?: Parts };
}
