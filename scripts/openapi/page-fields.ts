// The fields of messages and the parameters of operations, as the readable page shows them.

import { type Html, html } from "../../src/sandbox/html.ts";
import type { Schema } from "./json-schema.ts";
import { blocks, inline } from "./markdown.ts";

/**
 * Finds what a reference such as `#/components/schemas/Project` stands for. Throws when it is not
 * there.
 */
export type Resolve = (schema: Schema) => Schema;

/** Makes the function that finds references in a document. */
export function resolverOf(document: object): Resolve {
  const find = (schema: Schema): Schema => {
    if (typeof schema.$ref !== "string") return schema;
    const names = schema.$ref.slice(2).split("/");
    const found = names.reduce<unknown>((part, name) => (part as Schema)?.[name], document);
    if (found === undefined) throw new Error(`${schema.$ref} is not there`);
    const { $ref, ...beside } = schema;
    return { ...(found as Schema), ...beside };
  };
  return find;
}

/** What a field that must be there is called: by who reads it, or by who sends it. */
export type RequiredWord = "always" | "required";

/** The fields of a message; nested messages below their field. Says so when it has none. */
export function fieldList(schema: Schema, resolve: Resolve, word: RequiredWord): Html {
  const { properties = {}, required = [] } = resolve(schema);
  const fields = Object.entries(properties as Readonly<Record<string, Schema>>);
  if (fields.length === 0) return html`<p class="none">An object without fields.</p>`;
  return html`<dl class="fields">${fields.map(([name, field]) =>
    entry({ name, field, word, isRequired: (required as string[]).includes(name) }, resolve),
  )}</dl>`;
}

/** Parameters of an operation. */
export function parameterList(parameters: readonly Schema[], resolve: Resolve): Html {
  return html`<dl class="fields">${parameters.map((given) => {
    const { name, in: place, required, description, schema } = resolve(given);
    const field = { ...(schema as Schema), description };
    const told = { name: String(name), place: String(place), isRequired: required === true };
    return entry({ ...told, field, word: "required" }, resolve);
  })}</dl>`;
}

interface Entry {
  readonly name: string;
  readonly field: Schema;
  readonly isRequired: boolean;
  readonly word: RequiredWord;
  readonly place?: string;
}

function entry({ name, field, isRequired, word, place }: Entry, resolve: Resolve): Html {
  const inner = innerOf(field, resolve);
  const values = valuesOf(field, resolve);
  const limits = limitsOf(field);
  return html`<div>
<dt><code>${name}</code> <span class="type">${place && `${place}, `}${typeText(field, resolve)}</span>${
    isRequired ? html` <span class="required">${word}</span>` : undefined
  }</dt>
<dd>${blocks(String(field.description ?? ""))}${values && html`<p>One of: ${values}</p>`}${
    limits === "" ? undefined : html`<p class="limits">${inline(limits)}</p>`
  }${inner && fieldList(inner, resolve, word)}</dd>
</div>
`;
}

/** The type in words. */
function typeText(field: Schema, resolve: Resolve): string {
  const options = (field.anyOf ?? []) as readonly Schema[];
  if (options.some(({ $ref }) => $ref !== undefined)) {
    return options.map((option) => typeText(option, resolve)).join(" or ");
  }
  const { type, format, items } = resolve(field);
  if (type === "array") return `list of ${typeText((items ?? {}) as Schema, resolve)}s`;
  const types = [type].flat().map((each) => (each === "string" && format ? textOf(format) : each));
  return types.join(" or ");
}

function textOf(format: unknown): string {
  if (format === "date-time") return "time (RFC 3339)";
  return format === "int64" ? "number as a string" : "string";
}

/** The message behind a field, when it has fields of its own. */
function innerOf(field: Schema, resolve: Resolve): Schema | undefined {
  const options = [field, ...((field.anyOf ?? []) as Schema[]), (field.items ?? {}) as Schema];
  return options.map(resolve).find(({ properties }) => properties !== undefined);
}

function valuesOf(field: Schema, resolve: Resolve): Html | undefined {
  const { enum: values } = resolve(field);
  // A description that lists them has said it all.
  if (!Array.isArray(values) || /^- /m.test(String(field.description))) return undefined;
  return html`${values.map((value, index) => html`${index > 0 ? ", " : ""}<code>${value}</code>`)}`;
}

/** The limits that a caller must keep to. */
function limitsOf(field: Schema): string {
  const { minLength, maxLength, minimum, maximum, maxItems, pattern } = field;
  const told = [
    range(minLength, maxLength, " characters"),
    range(minimum, maximum, ""),
    range(undefined, maxItems, " items"),
    pattern === undefined ? "" : `matches \`${pattern}\``,
  ];
  return told.filter((text) => text !== "").join(", ");
}

function range(least: unknown, most: unknown, unit: string): string {
  if (least !== undefined && most !== undefined) return `${least}-${most}${unit}`;
  if (most !== undefined) return `at most ${most}${unit}`;
  return least === undefined ? "" : `at least ${least}${unit}`;
}
