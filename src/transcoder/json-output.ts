// Messages to JSON in REST form: proto names in declaration order, empty values shown, unset
// messages null, enums by short name. Compiled once for each type. Reading JSON is the JSON
// input's.

import type { DescField, DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { AnySchema, anyUnpack, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { enumNames } from "./enum-name.ts";
import { type Scalar, scalarToJson } from "./scalar-value.ts";
import { wellKnownForm } from "./well-known-form.ts";

/** Writes a message as JSON. */
export type MessageWriter = (message: ReflectMessage) => JsonValue;

type FieldWriter = (message: ReflectMessage, json: JsonObject) => void;
type ValueWriter = (value: unknown) => JsonValue;

/**
 * Makes writers. Implicit scalars, lists and maps are always written; unset message fields are
 * `null`; unset `optional` scalars and unset members of a oneof are absent. An unset
 * google.protobuf.Value is therefore `null` like its null value. Types in google.protobuf.Any are
 * looked up in the registry; writing one that is not there throws an Error.
 */
export class JsonOutput {
  readonly #registry: Registry | undefined;
  readonly #writers = new Map<DescMessage, MessageWriter>();

  constructor(registry?: Registry) {
    this.#registry = registry;
  }

  /** The writer of a message type. */
  message(desc: DescMessage): MessageWriter {
    const known = this.#writers.get(desc);
    if (known !== undefined) return known;
    const form = wellKnownForm(desc);
    const fields: FieldWriter[] = [];
    const writer: MessageWriter =
      form !== undefined
        ? ({ message }) => form.toJson(message)
        : desc.typeName === AnySchema.typeName
          ? (message) => this.#writeAny(message)
          : (message) => writeFields(message, fields);
    // Kept before its fields are compiled, because a message may contain itself.
    this.#writers.set(desc, writer);
    if (form === undefined) fields.push(...desc.fields.map((field) => this.#field(field)));
    return writer;
  }

  /** The writer of one field's value, as `response_body` sends it; an unset message is null. */
  fieldValue(field: DescField): MessageWriter {
    const write = this.#value(field);
    const isMessageField = field.fieldKind === "message";
    return (message) =>
      isMessageField && !message.isSet(field) ? null : write(message.get(field));
  }

  #field(field: DescField): FieldWriter {
    const { name } = field;
    const write = this.#value(field);
    const always =
      field.fieldKind === "list" ||
      field.fieldKind === "map" ||
      field.presence === FeatureSet_FieldPresence.IMPLICIT;
    if (always) return (message, json) => setOwn(json, name, write(message.get(field)));
    const nullable = field.fieldKind === "message" && field.oneof === undefined;
    return (message, json) => {
      if (message.isSet(field)) setOwn(json, name, write(message.get(field)));
      else if (nullable) setOwn(json, name, null);
    };
  }

  #value(field: DescField): ValueWriter {
    if (field.fieldKind === "list") {
      const write = this.#single(field);
      return (list) => Array.from(list as Iterable<unknown>, write);
    }
    if (field.fieldKind === "map") {
      const write = this.#single(field);
      return (map) => {
        const json: JsonObject = {};
        for (const [key, value] of map as Iterable<[unknown, unknown]>) {
          setOwn(json, String(key), write(value));
        }
        return json;
      };
    }
    return this.#single(field);
  }

  #single(field: DescField): ValueWriter {
    if (field.message !== undefined) {
      const write = this.message(field.message);
      return (value) => write(value as ReflectMessage);
    }
    if (field.enum === undefined) return (value) => scalarToJson(value as Scalar);
    if (field.enum.typeName === "google.protobuf.NullValue") return () => null;
    const names = enumNames(field.enum);
    return (value) => names.toJson(value as number);
  }

  #writeAny({ message: any }: ReflectMessage): JsonValue {
    if (!isMessage(any, AnySchema) || any.typeUrl === "") return {};
    const message = this.#registry && anyUnpack(any, this.#registry);
    const desc = message && this.#registry?.getMessage(message.$typeName);
    if (!message || !desc) throw new Error(`"${any.typeUrl}" is not in the type registry`);
    const json = this.message(desc)(reflect(desc, message));
    const isObject = wellKnownForm(desc) === undefined && json !== null && typeof json === "object";
    return isObject ? { "@type": any.typeUrl, ...json } : { "@type": any.typeUrl, value: json };
  }
}

function writeFields(message: ReflectMessage, fields: readonly FieldWriter[]): JsonObject {
  const json: JsonObject = {};
  for (const write of fields) write(message, json);
  return json;
}

function setOwn(json: JsonObject, key: string, value: JsonValue): void {
  if (key !== "__proto__") json[key] = value;
  // Assigning this key would set the object's prototype and lose the entry.
  else Object.defineProperty(json, key, { value, enumerable: true, configurable: true });
}
