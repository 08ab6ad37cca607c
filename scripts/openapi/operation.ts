// One operation of the document: parameters, body, answers, credentials and examples of one RPC,
// from its binding, its comment and the way the server serves it.

import type { DescField, FileRegistry } from "@bufbuild/protobuf";
import type { Operation } from "../../src/server/operation.ts";
import { STREAMS } from "../../src/server/rest.ts";
import type { HttpBinding } from "../../src/transcoder/http-rule.ts";
import { curlOf } from "./curl.ts";
import {
  errorResponse,
  LIMIT_HEADERS,
  type ReasonTexts,
  reasonsOf,
  sharedResponseOf,
  statusOf,
} from "./errors.ts";
import { headerParameters } from "./header-parameters.ts";
import { type RpcComment, readRpcComment } from "./image.ts";
import type { Schema } from "./json-schema.ts";
import type { Scenario } from "./scenario.ts";
import { mustBeGiven, type Schemas } from "./schema.ts";
import { streamContent } from "./stream-content.ts";

/** What operations are made of. */
export interface OperationParts {
  readonly image: FileRegistry;
  readonly schemas: Schemas;
  readonly reasons: ReasonTexts;
}

/** One RPC to be documented. */
export interface Documented {
  readonly binding: HttpBinding;
  readonly access: Operation["access"];
  readonly scenarios: readonly [Scenario, ...Scenario[]];
}

/** `getLink` for GetLink. */
export function operationIdOf({ descriptor }: HttpBinding): string {
  return descriptor.name.charAt(0).toLowerCase() + descriptor.name.slice(1);
}

const SECURITY: Readonly<Record<Operation["access"], readonly Schema[]>> = {
  api_key: [{ apiKey: [] }],
  api_key_or_watch_token: [{ apiKey: [] }, { watchToken: [] }],
  admin: [{ adminToken: [] }],
  anybody: [],
};

/** The Operation Object of one RPC. Throws when something about it could not be told truly. */
export function operationObject(parts: OperationParts, documented: Documented): Schema {
  const { binding, access, scenarios } = documented;
  const comment = readRpcComment(binding.descriptor, parts.image);
  const parameters = parametersOf(parts, documented);
  checkScenarios(parameters, documented);
  const body = bodyOf(parts, documented);
  return {
    operationId: operationIdOf(binding),
    tags: [binding.descriptor.parent.name],
    summary: comment.summary,
    ...(comment.description !== "" && { description: comment.description }),
    parameters: parameters.map((parameter) => withExamples(parameter, scenarios)),
    ...(body !== undefined && { requestBody: body }),
    responses: { 200: answerOf(parts, documented), ...errorsOf(parts, documented, comment) },
    security: SECURITY[access],
    "x-codeSamples": [
      { lang: "Shell", label: "curl", source: curlOf(binding, parameters, scenarios[0]) },
    ],
  };
}

function parametersOf({ schemas }: OperationParts, { binding }: Documented): readonly Schema[] {
  const { descriptor, variables, body } = binding;
  const inPath = new Set(variables.map(({ leaf }) => leaf));
  const inQuery = body === "*" ? [] : descriptor.input.fields.filter((field) => !inPath.has(field));
  return [
    ...variables.map(({ text, parents, leaf }) => {
      if (parents.length > 0) throw new Error(`${text}: nested path variables are not told yet`);
      return parameterOf(schemas, leaf, "path");
    }),
    ...inQuery.map((field) => parameterOf(schemas, field, "query")),
    ...headerParameters(operationIdOf(binding)),
  ];
}

function parameterOf(schemas: Schemas, field: DescField, place: "path" | "query"): Schema {
  if (field.fieldKind !== "scalar" && field.fieldKind !== "enum") {
    throw new Error(`${field}: only scalars and enums are told as parameters`);
  }
  const { description, ...schema } = schemas.field(field, "input");
  const required = place === "path" || mustBeGiven(field.parent, [field]).length > 0;
  return { name: field.name, in: place, description, required, schema };
}

/** The same value in every scenario is the parameter's example; else each has its own. */
function withExamples(parameter: Schema, scenarios: readonly Scenario[]): Schema {
  if ("$ref" in parameter) return parameter;
  const name = String(parameter.name);
  const given = scenarios.filter(({ parameters = {} }) => name in parameters);
  const values = given.map(({ parameters = {} }) => parameters[name]);
  if (parameter.in === "path" && new Set(values).size === 1) {
    return { ...parameter, example: values[0] };
  }
  if (given.length === 0) return parameter;
  const examples = given.map((each, index) => [each.name, { value: values[index] }]);
  return { ...parameter, examples: Object.fromEntries(examples) };
}

function checkScenarios(parameters: readonly Schema[], { binding, scenarios }: Documented): void {
  const rpc = binding.rpc;
  const names = new Set(scenarios.map(({ name }) => name));
  if (names.size < scenarios.length) throw new Error(`${rpc}: two examples have one name`);
  const known = new Set(parameters.map(({ name }) => name));
  for (const scenario of scenarios) {
    const given = Object.keys(scenario.parameters ?? {});
    const stray = given.find((name) => !known.has(name));
    if (stray !== undefined) throw new Error(`${rpc}: there is no parameter ${stray}`);
    const missing = parameters.find(
      (parameter) => parameter.required && !given.includes(String(parameter.name)),
    );
    if (missing) throw new Error(`${rpc}: the example ${scenario.name} lacks ${missing.name}`);
  }
}

function bodyOf({ schemas }: OperationParts, documented: Documented): Schema | undefined {
  const { binding, scenarios } = documented;
  if (binding.body === undefined) return undefined;
  if (binding.body !== "*") throw new Error(`${binding.rpc}: only whole bodies are told yet`);
  const omit = new Set(binding.variables.map(({ text }) => text));
  // The server makes the mask from the body's keys.
  if (binding.method === "PATCH") omit.add("update_mask");
  const { input } = binding.descriptor;
  const rest = input.fields.filter(({ name }) => !omit.has(name));
  const examples = scenarios
    .filter(({ body }) => body !== undefined)
    .map(({ name, summary, body }) => [name, { summary, value: body }]);
  const schema = schemas.message(input, "input", omit);
  return {
    required: mustBeGiven(input, rest).length > 0,
    content: { "application/json": { schema, examples: Object.fromEntries(examples) } },
  };
}

function answerOf({ schemas }: OperationParts, documented: Documented): Schema {
  const { binding, access, scenarios } = documented;
  const { descriptor, responseField } = binding;
  const isCounted = access === "api_key" || access === "api_key_or_watch_token";
  const headers = {
    "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" },
    ...(isCounted && LIMIT_HEADERS),
  };
  const good = scenarios.filter(({ status }) => status === 200);
  if (good.length === 0) throw new Error(`${binding.rpc}: no example of an answer`);
  const output = responseField === undefined ? descriptor.output : responseField.message;
  if (output === undefined) throw new Error(`${binding.rpc}: only messages are told as answers`);
  const schema = schemas.message(output, "output");
  const stream = STREAMS[binding.rpc as keyof typeof STREAMS];
  if (descriptor.methodKind === "server_streaming") {
    if (stream === undefined) throw new Error(`${binding.rpc}: how it streams is not known`);
    return { description: "The stream.", headers, content: streamContent(schema, stream, good) };
  }
  const content = { "application/json": { schema, examples: examplesOf(good) } };
  return { description: "The answer.", headers, content };
}

function examplesOf(scenarios: readonly Scenario[]): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    scenarios.map(({ name, summary, answer }) => [name, { summary, value: answer }]),
  );
}

function errorsOf(
  { reasons: texts }: OperationParts,
  { binding, access, scenarios }: Documented,
  comment: RpcComment,
): Readonly<Record<string, Schema>> {
  const isStream = binding.descriptor.methodKind === "server_streaming";
  const common = reasonsOf({ access, hasBody: binding.body !== undefined, isStream });
  const reasons = [...new Set([...comment.errors.keys(), ...common])];
  const byStatus = Map.groupBy(reasons, statusOf);
  const stray = scenarios.find(({ status }) => status !== 200 && !byStatus.has(status));
  if (stray !== undefined) throw new Error(`${binding.rpc}: ${stray.name} has an unknown status`);
  const responses = [...byStatus].map(([status, group]) => {
    const examples = examplesOf(scenarios.filter((each) => each.status === status));
    const [only = ""] = group;
    const isShared =
      group.length === 1 && !comment.errors.get(only) && Object.keys(examples).length === 0;
    const shared = isShared ? sharedResponseOf(only) : undefined;
    if (shared !== undefined) return [status, shared] as const;
    const remarked = group.map((reason) => [reason, meaningOf(reason, texts, comment)] as const);
    return [status, errorResponse(status, new Map(remarked), examples)] as const;
  });
  return Object.fromEntries(responses);
}

function meaningOf(reason: string, texts: ReasonTexts, { errors }: RpcComment): string {
  const remark = errors.get(reason) ?? "";
  const meaning = texts.get(reason) ?? "";
  if (remark === "") return meaning;
  return `${meaning} Here: ${remark}.`;
}
