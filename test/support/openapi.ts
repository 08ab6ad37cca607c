// The OpenAPI document that the service is served with: finding operations and checking that
// answers are as it says. Answers are held to more than the document: a field that it does not name
// is a fault too.

import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** A part of the document. */
export type Part = { readonly [key: string]: unknown };

/** An operation and where it is. */
export interface DocumentedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Part;
}

/** The document with SandboxService, as committed. */
export const DOCUMENT = JSON.parse(
  readFileSync(new URL("../../gen/openapi-sandbox.json", import.meta.url), "utf8"),
) as { readonly paths: Readonly<Record<string, Readonly<Record<string, Part>>>> } & Part;

/** All operations of the document. */
export const OPERATIONS: readonly DocumentedOperation[] = Object.entries(DOCUMENT.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
);

const OPERATION_PATTERNS = OPERATIONS.map((each) => ({
  ...each,
  pattern: new RegExp(`^${each.path.replace(/\{\w+\}/g, "[^/]+")}$`),
}));

/** The operation that a request is for; HEAD is served from GET. Undefined when it is for none. */
export function operationFor(method: string, path: string): DocumentedOperation | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  return OPERATION_PATTERNS.find((each) => each.method === wanted && each.pattern.test(path));
}

/** What a reference stands for; anything else is itself. */
export function resolve(part: Part): Part {
  if (typeof part.$ref !== "string") return part;
  const names = part.$ref.slice(2).split("/");
  return names.reduce<unknown>((found, name) => (found as Part)[name], DOCUMENT) as Part;
}

/** An answer, as far as it is checked. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when there is none to check: HEAD, or a stream. */
  readonly body: unknown;
}

/** Where an answer differs from what the operation's documentation says; empty when it does not. */
export function answerProblems(
  { operation, path, method }: DocumentedOperation,
  { status, headers, body }: Answer,
): readonly string[] {
  const place = `${method} ${path} ${status}`;
  const given = (operation.responses as Readonly<Record<string, Part>>)[status];
  if (given === undefined) return [`${place}: is not documented`];
  const response = resolve(given);
  const missing = Object.entries(response.headers as Readonly<Record<string, Part>>)
    .filter(([name, header]) => resolve(header).required && !headers.has(name))
    .map(([name]) => `${place}: lacks the header ${name}`);
  const type = (headers.get("content-type") ?? "").split(";")[0] ?? "";
  const content = (response.content as Readonly<Record<string, Part>>)[type];
  if (content === undefined) return [...missing, `${place}: ${type} is not documented`];
  if (body === undefined) return missing;
  return [
    ...missing,
    ...schemaProblems(content.schema as Part, body).map((it) => `${place}: ${it}`),
  ];
}

/** Where a value differs from a schema of the document; empty when it does not. */
export function schemaProblems(schema: Part, value: unknown): readonly string[] {
  const validate = validatorOf(schema);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const validators = new Map<string, ValidateFunction>();
let shared: Ajv2020 | undefined;

function validatorOf(schema: Part): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = validators.get(key);
  if (known !== undefined) return known;
  shared ??= makeAjv();
  const made = shared.compile({ components: closedComponents(), ...schema });
  validators.set(key, made);
  return made;
}

function makeAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  return ajv;
}

let closed: Part | undefined;

/** Components whose objects have no fields but the named ones. */
function closedComponents(): Part {
  closed ??= { schemas: close((DOCUMENT.components as Part).schemas) };
  return closed;
}

function close(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(close);
  if (part === null || typeof part !== "object") return part;
  const inner = Object.entries(part).map(([key, value]) => [key, close(value)]);
  const isObject = (part as Part).type === "object";
  return { ...(isObject && { additionalProperties: false }), ...Object.fromEntries(inner) };
}
