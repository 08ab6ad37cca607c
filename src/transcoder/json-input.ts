// JSON to messages, strictly: every key must be a known field, every value of its type, and each
// fault is named by its field path. Compiled once for each type. Writing JSON is the JSON output's.

import type { DescField, DescMessage, DescOneof, JsonValue, Registry } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { ReflectList, ReflectMap, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { enumNames } from "./enum-name.ts";
import { scalarFromJson, scalarFromText, scalarRule } from "./scalar-value.ts";
import type { ViolationList } from "./violation-list.ts";
import { wellKnownForm } from "./well-known-form.ts";

/** Reads a JSON value; faults go to the list, and the answer is then undefined. */
export type JsonReader<T> = (json: JsonValue, path: string, faults: ViolationList) => T | undefined;

/** Reads a JSON value into a field of the message. `null` leaves the field unset. */
export type FieldReader = (
  message: ReflectMessage,
  json: JsonValue,
  path: string,
  faults: ViolationList,
) => void;

interface FieldEntry {
  readonly field: DescField;
  readonly read: FieldReader;
}

/**
 * Makes readers. Keys are proto names and enums short names, as they are written: ProtoJSON's
 * lowerCamel names and full enum names are unknown here. The nesting of the JSON must be bounded
 * before it gets here. Types in google.protobuf.Any are looked up in the registry.
 */
export class JsonInput {
  readonly #registry: Registry | undefined;
  readonly #readers = new Map<DescMessage, JsonReader<ReflectMessage>>();

  constructor(registry?: Registry) {
    this.#registry = registry;
  }

  /** The reader of a message type. */
  message(desc: DescMessage): JsonReader<ReflectMessage> {
    const known = this.#readers.get(desc);
    if (known !== undefined) return known;
    const form = wellKnownForm(desc);
    const entries = new Map<string, FieldEntry>();
    const reader: JsonReader<ReflectMessage> =
      form !== undefined
        ? withRule(form.rule, (json) => {
            const message = form.fromJson(json);
            return message && reflect(desc, message);
          })
        : desc.typeName === AnySchema.typeName
          ? (json, path, faults) => this.#readAny(json, path, faults)
          : (json, path, faults) => readFields({ desc, entries, json, path, faults });
    // Kept before its fields are compiled, because a message may contain itself.
    this.#readers.set(desc, reader);
    if (form !== undefined) return reader;
    for (const field of desc.fields) {
      entries.set(field.name, { field, read: this.field(field) });
    }
    return reader;
  }

  /** The reader of a field of any kind. */
  field(field: DescField): FieldReader {
    if (field.fieldKind === "list") return this.#list(field);
    if (field.fieldKind === "map") return this.#map(field);
    const read = this.#single(field);
    const takesNull = holdsNull(field);
    return (message, json, path, faults) => {
      if (json === null && !takesNull) return;
      const value = read(json, path, faults);
      if (value !== undefined) message.set(field, value);
    };
  }

  #list(field: DescField & { fieldKind: "list" }): FieldReader {
    const read = notNull(field, this.#single(field));
    return (message, json, path, faults) => {
      if (json === null) return;
      if (!Array.isArray(json)) {
        faults.add(path, "must be an array");
        return;
      }
      const list = message.get(field) as ReflectList;
      json.forEach((item, index) => {
        const value = read(item, `${path}[${index}]`, faults);
        if (value !== undefined) list.add(value);
      });
    };
  }

  #map(field: DescField & { fieldKind: "map" }): FieldReader {
    const read = notNull(field, this.#single(field));
    const { mapKey } = field;
    const readKey = withRule(`has a key that ${scalarRule(mapKey)}`, (text) =>
      typeof text === "string" && text.isWellFormed() ? scalarFromText(mapKey, text) : undefined,
    );
    return (message, json, path, faults) => {
      if (json === null) return;
      if (!isObject(json)) {
        faults.add(path, "must be an object");
        return;
      }
      const map = message.get(field) as ReflectMap;
      for (const [text, item] of Object.entries(json)) {
        const place = `${path}[${JSON.stringify(text)}]`;
        const key = readKey(text, place, faults);
        const value = read(item, place, faults);
        if (key !== undefined && value !== undefined) map.set(key, value);
      }
    };
  }

  #single(field: DescField): JsonReader<unknown> {
    if (field.message !== undefined) return this.message(field.message);
    if (field.enum === undefined) {
      const { scalar } = field;
      return withRule(scalarRule(scalar), (json) => scalarFromJson(scalar, json));
    }
    if (field.enum.typeName === "google.protobuf.NullValue") {
      return withRule("must be null", (json) => (json === null ? 0 : undefined));
    }
    const names = enumNames(field.enum);
    return withRule(names.rule, (json) =>
      typeof json === "string" ? names.fromText(json) : undefined,
    );
  }

  #readAny(json: JsonValue, path: string, faults: ViolationList): ReflectMessage | undefined {
    const any = create(AnySchema);
    if (isObject(json) && Object.keys(json).length === 0) return reflect(AnySchema, any);
    const type = isObject(json) ? json["@type"] : undefined;
    if (!isObject(json) || typeof type !== "string") {
      faults.add(path, "must be an object with @type");
      return undefined;
    }
    const desc = this.#registry?.getMessage(type.slice(type.lastIndexOf("/") + 1));
    if (desc === undefined) {
      faults.add(join(path, "@type"), "is not a known type");
      return undefined;
    }
    const { "@type": _type, ...rest } = json;
    const isPlain = wellKnownForm(desc) === undefined;
    const unknown = isPlain ? undefined : Object.keys(rest).find((key) => key !== "value");
    if (unknown !== undefined) faults.add(join(path, unknown), "is not known");
    const message = this.message(desc)(isPlain ? rest : (rest.value ?? null), path, faults);
    if (message === undefined) return undefined;
    anyPack(desc, message.message, any);
    return reflect(AnySchema, any);
  }
}

function readFields(options: {
  desc: DescMessage;
  entries: ReadonlyMap<string, FieldEntry>;
  json: JsonValue;
  path: string;
  faults: ViolationList;
}): ReflectMessage | undefined {
  const { desc, entries, json, path, faults } = options;
  if (!isObject(json)) {
    faults.add(path, "must be an object");
    return undefined;
  }
  const message = reflect(desc);
  const seen = new Set<DescOneof>();
  for (const [key, value] of Object.entries(json)) {
    const entry = entries.get(key);
    const place = join(path, entry?.field.name ?? key);
    if (entry === undefined) faults.add(place, "is not known");
    else if (isSecondOfOneof(entry.field, value, seen)) {
      faults.add(place, `cannot be given with another field of ${entry.field.oneof?.name}`);
    } else entry.read(message, value, place, faults);
  }
  return message;
}

function isSecondOfOneof(field: DescField, value: JsonValue, seen: Set<DescOneof>): boolean {
  if (field.oneof === undefined || (value === null && !holdsNull(field))) return false;
  if (seen.has(field.oneof)) return true;
  seen.add(field.oneof);
  return false;
}

/** `null` is a value, not "unset", in the two types made to hold it. */
function holdsNull(field: DescField): boolean {
  const type = field.message?.typeName ?? field.enum?.typeName;
  return type === "google.protobuf.Value" || type === "google.protobuf.NullValue";
}

function notNull(field: DescField, read: JsonReader<unknown>): JsonReader<unknown> {
  if (holdsNull(field)) return read;
  return (json, path, faults) => {
    if (json !== null) return read(json, path, faults);
    faults.add(path, "must not be null");
    return undefined;
  };
}

function withRule<T>(rule: string, read: (json: JsonValue) => T | undefined): JsonReader<T> {
  return (json, path, faults) => {
    const value = read(json);
    if (value === undefined) faults.add(path, rule);
    return value;
  };
}

function isObject(json: JsonValue): json is { [key: string]: JsonValue } {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
