// The JSON Schema (2020-12) of messages as REST writes and reads them. What is written is told
// whole; of what is read, the one form that a caller should send: proto names, enum names, numbers
// as numbers.

import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { enumNames } from "../../src/transcoder/enum-name.ts";
import { keywordsOf } from "./field-rules.ts";
import type { Schema } from "./json-schema.ts";

/** What schemas need to know besides descriptors. */
export interface SchemaTexts {
  /** What the comment of a declaration says. */
  describe(desc: DescField | DescMessage | DescEnum | DescEnum["values"][number]): string;
  /** Whether the comment of a field says that it can be null. */
  saysNull(field: DescField): boolean;
}

/** Whether REST reads or writes a message. */
export type Direction = "input" | "output";

const SCALARS: Partial<Record<ScalarType, Schema>> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.INT32]: { type: "integer", format: "int32" },
  // JavaScript's numbers cannot hold them all (ProtoJSON).
  [ScalarType.INT64]: { type: "string", format: "int64" },
};

const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
};

const validator = createValidator();

/** Makes schemas, and keeps those of messages and enums to be referred to by name. */
export class Schemas {
  readonly #texts: SchemaTexts;
  readonly #components = new Map<string, Schema>();
  readonly #owners = new Map<string, string>();

  constructor(texts: SchemaTexts) {
    this.#texts = texts;
  }

  /** All kept schemas by name, sorted. */
  get components(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Keeps a schema under a name of its own; the reference to it. */
  keep(name: string, owner: string, make: () => Schema): Schema {
    const known = this.#owners.get(name);
    if (known !== undefined && known !== owner) {
      throw new Error(`${known} and ${owner} would have one name: ${name}`);
    }
    if (known === undefined) {
      this.#owners.set(name, owner);
      this.#components.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  /** The schema of a message; `omit` names the fields of a body that the path sets. */
  message(desc: DescMessage, direction: Direction, omit: ReadonlySet<string> = new Set()): Schema {
    const owner = `${direction} ${desc.typeName}`;
    return this.keep(desc.name, owner, () => this.#object(desc, direction, omit));
  }

  /** The schema of a field, with its rules and its description. */
  field(field: DescField, direction: Direction): Schema {
    const value = { ...this.#value(field, direction), ...keywordsOf(field) };
    const described = { ...value, description: this.#texts.describe(field) };
    return this.#isNullable(field, direction) ? orNull(described) : described;
  }

  #object(desc: DescMessage, direction: Direction, omit: ReadonlySet<string>): Schema {
    const fields = desc.fields.filter(({ name }) => !omit.has(name));
    const required = direction === "output" ? alwaysWritten(fields) : mustBeGiven(desc, fields);
    return {
      type: "object",
      description: this.#texts.describe(desc),
      properties: Object.fromEntries(
        fields.map((field) => [field.name, this.field(field, direction)]),
      ),
      ...(required.length > 0 && { required }),
      // Callers must live with new fields in an answer; the server refuses unknown ones in a
      // request.
      ...(direction === "input" && { additionalProperties: false }),
    };
  }

  #value(field: DescField, direction: Direction): Schema {
    if (field.fieldKind === "map" || field.oneof !== undefined) {
      throw new Error(`${field}: maps and oneofs have no schema yet`);
    }
    const single = this.#single(field, direction);
    return field.fieldKind === "list" ? { type: "array", items: single } : single;
  }

  #single(field: DescField, direction: Direction): Schema {
    if (field.enum !== undefined) return this.#enum(field.enum);
    if (field.message === undefined) return scalar(field, field.scalar);
    const wrapped = isWrapperDesc(field.message) ? field.message.fields[0]?.scalar : undefined;
    if (wrapped !== undefined) return scalar(field, wrapped);
    return WELL_KNOWN[field.message.typeName] ?? this.message(field.message, direction);
  }

  /** The value 0 stands for "not given"; nobody sends it. */
  #enum(desc: DescEnum): Schema {
    return this.keep(desc.name, desc.typeName, () => {
      const values = desc.values.filter(({ number }) => number !== 0);
      const texts = values.map(
        (value) => `- \`${enumNames(desc).toJson(value.number)}\`: ${this.#texts.describe(value)}`,
      );
      return {
        type: "string",
        enum: values.map(({ number }) => enumNames(desc).toJson(number)),
        description: [this.#texts.describe(desc), texts.join("\n")].join("\n\n"),
      };
    });
  }

  #isNullable(field: DescField, direction: Direction): boolean {
    if (field.fieldKind !== "message") return false;
    if (direction === "input") return !mustBeGiven(field.parent, [field]).includes(field.name);
    const says = this.#texts.saysNull(field);
    if (!says && isWrapperDesc(field.message)) {
      throw new Error(`the comment of ${field} must say what null means`);
    }
    return says;
  }
}

function scalar(field: DescField, type: ScalarType | undefined): Schema {
  const schema = type === undefined ? undefined : SCALARS[type];
  if (schema === undefined) throw new Error(`${field}: this type has no schema yet`);
  return schema;
}

function orNull(schema: Schema): Schema {
  const { $ref, description, ...rest } = schema;
  if ($ref !== undefined) return { anyOf: [{ $ref }, { type: "null" }], description };
  return { ...rest, type: [schema.type, "null"], description };
}

/** As `JsonOutput` writes: only `optional` scalars can be absent. */
function alwaysWritten(fields: readonly DescField[]): readonly string[] {
  return fields
    .filter(
      (field) =>
        field.fieldKind === "list" ||
        field.fieldKind === "message" ||
        field.presence === FeatureSet_FieldPresence.IMPLICIT,
    )
    .map(({ name }) => name);
}

/** The fields that the server's own validator misses in an empty message. */
export function mustBeGiven(desc: DescMessage, fields: readonly DescField[]): readonly string[] {
  const result = validator.validate(desc, create(desc));
  if (result.kind === "error") throw result.error;
  const missed = new Set((result.violations ?? []).map(({ field }) => field[0]));
  return fields.filter((field) => missed.has(field)).map(({ name }) => name);
}
