// Checks values against the subset of JSON Schema (as OpenAPI 3.0 writes it) that
// max-auth-subset.json uses. A keyword it does not know makes it throw, so that no rule of a schema
// is passed over in silence.

/** A schema, as far as it is read. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly uniqueItems?: boolean;
}

const KNOWN = new Set([
  ...["$ref", "type", "nullable", "enum", "required", "properties", "items", "allOf", "oneOf"],
  ...["minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern"],
  ...["uniqueItems", "format", "default", "description", "deprecated", "example"],
]);

/** The schemas of an OpenAPI document, by name. */
export type Schemas = Readonly<Record<string, Schema>>;

interface Place {
  readonly schemas: Schemas;
  readonly path: string;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function checkText(value: string, schema: Schema, path: string): string[] {
  const length = [...value].length;
  const problems: string[] = [];
  if (length < (schema.minLength ?? 0)) problems.push(`${path}: too short`);
  if (length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) problems.push(`${path}: too long`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    problems.push(`${path}: does not match ${schema.pattern}`);
  }
  return problems;
}

function checkNumber(value: number, schema: Schema, path: string): string[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  return value < minimum || value > maximum ? [`${path}: out of bounds`] : [];
}

function checkList(value: readonly unknown[], schema: Schema, { schemas, path }: Place): string[] {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const problems: string[] = [];
  if (value.length < minItems || value.length > maxItems) problems.push(`${path}: wrong length`);
  const distinct = new Set(value.map((item) => JSON.stringify(item)));
  if (schema.uniqueItems && distinct.size !== value.length) problems.push(`${path}: not unique`);
  if (items === undefined) return problems;
  const inner = value.flatMap((item, index) =>
    checkValue(item, items, { schemas, path: `${path}[${index}]` }),
  );
  return [...problems, ...inner];
}

function checkObject(value: object, schema: Schema, { schemas, path }: Place): string[] {
  const fields = value as Readonly<Record<string, unknown>>;
  const missing = (schema.required ?? []).filter((name) => fields[name] === undefined);
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    fields[name] === undefined
      ? []
      : checkValue(fields[name], property, { schemas, path: `${path}.${name}` }),
  );
  return [...missing.map((name) => `${path}.${name}: missing`), ...inner];
}

function checkOneOf(value: unknown, options: readonly Schema[], place: Place): string[] {
  const fitting = options.filter((option) => checkValue(value, option, place).length === 0);
  return fitting.length === 1 ? [] : [`${place.path}: fits ${fitting.length} of oneOf`];
}

function checkContent(value: unknown, schema: Schema, place: Place): string[] {
  if (typeof value === "string") return checkText(value, schema, place.path);
  if (typeof value === "number") return checkNumber(value, schema, place.path);
  if (Array.isArray(value)) return checkList(value, schema, place);
  return typeof value === "object" && value !== null ? checkObject(value, schema, place) : [];
}

/** What is wrong with a value; empty when it fits. `path` names the value in the answers. */
export function checkValue(value: unknown, schema: Schema, place: Place): string[] {
  const unknown = Object.keys(schema).find((keyword) => !KNOWN.has(keyword));
  if (unknown !== undefined) throw new Error(`${place.path}: the keyword ${unknown} is not known`);
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    const referred = place.schemas[name];
    if (referred === undefined) throw new Error(`There is no schema ${name}.`);
    return checkValue(value, referred, place);
  }
  if (value === null && schema.nullable === true) return [];
  if (schema.type !== undefined && typeOf(value) !== schema.type) {
    return [`${place.path}: ${typeOf(value)} instead of ${schema.type}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return [`${place.path}: ${JSON.stringify(value)} is not one of the enum`];
  }
  return [
    ...(schema.allOf ?? []).flatMap((part) => checkValue(value, part, place)),
    ...(schema.oneOf === undefined ? [] : checkOneOf(value, schema.oneOf, place)),
    ...checkContent(value, schema, place),
  ];
}
