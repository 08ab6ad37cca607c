// The REST form of any call, made from the descriptors alone: google.api.http tells method and
// path, and section 1 of the contract the JSON. Shares no code with the transcoder, so that both
// can be held against each other.

import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  fromJson,
  getOption,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { http } from "#gen/google/api/annotations_pb.ts";

/** A REST request. */
export interface RestForm {
  readonly verb: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Undefined where the method takes no body. */
  readonly body: Record<string, JsonValue> | undefined;
}

type Fields = Record<string, JsonValue>;

/** How an RPC is called over REST with this request. */
export function restFormOf(method: DescMethod, request: Message): RestForm {
  const { pattern, body } = getOption(method, http);
  if (pattern.case === undefined || pattern.case === "custom") {
    throw new Error(`${method.name} has no google.api.http rule that the matrix knows`);
  }
  const fields = toRestJson(method.input, toJson(method.input, request)) as Fields;
  const path = pattern.value.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const value = fields[name] ?? defaultOf(method.input, name);
    delete fields[name];
    return encodeURIComponent(String(value));
  });
  // A PATCH changes the fields it sends; REST needs no mask.
  if (pattern.case === "patch") delete fields.update_mask;
  const query = new URLSearchParams();
  if (body === "") {
    for (const [name, value] of Object.entries(fields)) query.append(name, String(value));
  }
  return {
    verb: pattern.case.toUpperCase(),
    path,
    query,
    body: body === "*" ? fields : undefined,
  };
}

/** The answer of an RPC from its REST JSON. */
export function messageFromRest(method: DescMethod, json: JsonValue): Message {
  const { responseBody } = getOption(method, http);
  const whole = responseBody === "" ? json : { [responseBody]: json };
  return fromJson(method.output, toProtoJson(method.output, whole));
}

/** The verbs REST allows on this path, over all methods of the services. */
export function verbsOf(methods: readonly DescMethod[], path: string): readonly string[] {
  return methods
    .map((method) => getOption(method, http).pattern)
    .filter(({ value }) => typeof value === "string" && shapeOf(value) === shapeOf(path))
    .map((pattern) => String(pattern.case).toUpperCase());
}

/** The annotated path of a method. */
export function templateOf(method: DescMethod): string {
  return String(getOption(method, http).pattern.value);
}

const shapeOf = (template: string) => template.replace(/\{[^}]*\}/g, "{}");

function defaultOf(desc: DescMessage, name: string): JsonValue {
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field?.enum !== undefined) return shortName(field.enum, field.enum.values[0]?.name ?? "");
  return field?.fieldKind === "scalar" && field.scalar === 9 ? "" : 0;
}

/** `TELEGRAM` of CHANNEL_TELEGRAM, in lower case. */
function shortName({ sharedPrefix = "" }: DescEnum, name: string): string {
  return name.slice(sharedPrefix.length).toLowerCase();
}

function fullName({ sharedPrefix = "", values }: DescEnum, name: string): string {
  const full = (sharedPrefix + name).toUpperCase();
  if (!values.some((value) => value.name === full)) throw new Error(`no such enum value: ${name}`);
  return full;
}

function toRestJson(desc: DescMessage, json: JsonValue): JsonValue {
  return mapFields(desc, json, {
    key: (field) => field.name,
    find: (key) => desc.fields.find(({ jsonName }) => jsonName === key),
    enum: (type, value) => (typeof value === "string" ? shortName(type, value) : value),
    message: toRestJson,
  });
}

function toProtoJson(desc: DescMessage, json: JsonValue): JsonValue {
  return mapFields(desc, json, {
    key: (field) => field.jsonName,
    find: (key) => desc.fields.find(({ name }) => name === key),
    enum: (type, value) => fullName(type, String(value)),
    message: toProtoJson,
  });
}

interface Mapping {
  key(field: DescField): string;
  find(key: string): DescField | undefined;
  enum(type: DescEnum, value: JsonValue): JsonValue;
  message(desc: DescMessage, json: JsonValue): JsonValue;
}

/**
 * Renames the fields of a message in JSON. Null means unset, and a message that is a plain value
 * stays one.
 */
function mapFields(desc: DescMessage, json: JsonValue, mapping: Mapping): JsonValue {
  if (json === null || typeof json !== "object" || Array.isArray(json)) return json;
  if (desc.typeName === FieldMaskSchema.typeName) return json;
  const entries = Object.entries(json)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => {
      const field = mapping.find(key);
      if (field === undefined) throw new Error(`${desc.typeName} has no field ${key}`);
      const convert = (one: JsonValue): JsonValue => {
        if (field.enum !== undefined) return mapping.enum(field.enum, one);
        return field.message === undefined ? one : mapping.message(field.message, one);
      };
      return [mapping.key(field), Array.isArray(value) ? value.map(convert) : convert(value)];
    });
  return Object.fromEntries(entries) as JsonValue;
}
