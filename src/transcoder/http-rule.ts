// Reads google.api.http annotations into bindings and refuses every rule that could not be served,
// so that a bad annotation stops the start, not a request. Serving bindings is the transcoder's.

import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "#gen/google/api/annotations_pb.ts";
import type { HttpRule } from "#gen/google/api/http_pb.ts";
import { type FieldPath, resolveFieldPath } from "./field-path.ts";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";

/** One way to call an RPC over HTTP. */
export interface HttpBinding {
  /** HTTP method; `*` for any. */
  readonly method: string;
  /** The path. */
  readonly template: PathTemplate;
  /** `package.Service/Method`. */
  readonly rpc: string;
  /** The RPC's descriptor: unary or server-streaming. */
  readonly descriptor: DescMethod;
  /** Fields the path sets, in the order of the template's variables. */
  readonly variables: readonly FieldPath[];
  /** The field the body is, `*` when the body is the whole request, undefined for no body. */
  readonly body: DescField | "*" | undefined;
  /** The field of the response that is sent; undefined when the whole response is. */
  readonly responseField: DescField | undefined;
}

const methodPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // token of RFC 9110 section 5.6.2

/** The name of an RPC as in its gRPC path, without the leading slash: `package.Service/Method`. */
export function rpcName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/**
 * The bindings of an RPC: its rule, then the additional ones. Empty when it has no annotation.
 * Throws an Error that starts with the RPC's name when a rule is wrong.
 */
export function readHttpBindings(method: DescMethod): HttpBinding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  try {
    if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") {
      throw new Error("a stream of requests cannot be served over REST");
    }
    for (const { additionalBindings } of rule.additionalBindings) {
      if (additionalBindings.length > 0) throw new Error("additional_bindings must not be nested");
    }
    return [rule, ...rule.additionalBindings].map((each) => readRule(method, each));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${rpcName(method)}: ${reason}`, { cause: error });
  }
}

function readRule(descriptor: DescMethod, rule: HttpRule): HttpBinding {
  const [method, path] = readPattern(rule);
  const template = parsePathTemplate(path);
  const { input, output } = descriptor;
  const variables = template.variables.map(({ field }) => resolveVariable(input, field));
  const body = rule.body === "*" ? "*" : topLevelField(input, rule.body, "body");
  if (body !== undefined && method === "GET") throw new Error("GET must not have a body");
  for (const { leaf, text } of variables) {
    if (leaf === body) throw new Error(`"${text}" is bound both by the path and by the body`);
  }
  const responseField = topLevelField(output, rule.responseBody, "response_body");
  return { method, template, rpc: rpcName(descriptor), descriptor, variables, body, responseField };
}

function readPattern({ pattern }: HttpRule): [method: string, path: string] {
  if (pattern.case === undefined) throw new Error("the rule names no HTTP method");
  if (pattern.case !== "custom") return [pattern.case.toUpperCase(), pattern.value];
  const { kind, path } = pattern.value;
  if (!methodPattern.test(kind)) throw new Error(`"${kind}" is not an HTTP method`);
  return [kind, path];
}

function resolveVariable(input: DescMessage, text: string): FieldPath {
  const path = resolveFieldPath(input, text);
  if (path === undefined)
    throw new Error(`"${text}" in the path is not a field of ${input.typeName}`);
  const { fieldKind } = path.leaf;
  if (fieldKind !== "scalar" && fieldKind !== "enum") {
    const kind = fieldKind === "list" ? "repeated" : `a ${fieldKind}`;
    throw new Error(`"${text}" is ${kind} and cannot be bound by the path`);
  }
  return path;
}

function topLevelField(desc: DescMessage, name: string, option: string): DescField | undefined {
  if (name === "") return undefined;
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw new Error(`${option} "${name}" is not a top-level field of ${desc.typeName}`);
  }
  return field;
}
