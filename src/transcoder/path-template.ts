// The grammar of path templates in google/api/http.proto: text to segments, variables and a verb.
// Matching paths is the route table's, fields are the field path's.
//
//     Template = "/" Segments [ Verb ] ;          Variable  = "{" FieldPath [ "=" Segments ] "}" ;
//     Segments = Segment { "/" Segment } ;        FieldPath = IDENT { "." IDENT } ;
//     Segment  = "*" | "**" | LITERAL | Variable; Verb      = ":" LITERAL ;

import { decodePercent } from "./percent-encoding.ts";

/**
 * One segment: decoded literal text, `*` (exactly one segment) or `**` (zero or more, always last).
 */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "rest" };

/** A variable: the field it sets and the segments it covers. */
export interface TemplateVariable {
  /** The field path as written, such as `book.name`. */
  readonly field: string;
  /** Index of the first segment it covers. */
  readonly start: number;
  /** Index after the last segment it covers; a `**` reaches to the end of the path. */
  readonly end: number;
  /**
   * True when it may cover other than exactly one segment; `%2F` then stays encoded in its value.
   */
  readonly multi: boolean;
}

/** A parsed template. */
export interface PathTemplate {
  /** The template as written. */
  readonly text: string;
  /** At least one segment. */
  readonly segments: readonly TemplateSegment[];
  /** Variables in the order written. */
  readonly variables: readonly TemplateVariable[];
  /** The decoded custom verb without its colon; undefined when there is none. */
  readonly verb: string | undefined;
}

// pchar of RFC 3986 without ":", which starts the verb, and without "*", which is a wildcard here.
const literalPattern = /^(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2}|[^\p{ASCII}])+$/u;
const fieldPathPattern = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/** Parses a path template. Throws an Error whose message says what is wrong with the template. */
export function parsePathTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw new Error(`the path template "${text}" must start with "/"`);
  const verbStart = findVerb(text);
  const verb = verbStart === -1 ? undefined : parseLiteral(text.slice(verbStart + 1), text);
  const path = text.slice(1, verbStart === -1 ? text.length : verbStart);
  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  for (const part of splitOutsideBraces(path, text)) {
    if (part.startsWith("{")) variables.push(parseVariable(part, segments, text));
    else segments.push(parseSegment(part, text));
  }
  const rest = segments.findIndex((segment) => segment.kind === "rest");
  if (rest !== -1 && rest !== segments.length - 1) {
    throw new Error(`"**" must be the last segment of the path template "${text}"`);
  }
  refuseRepeatedVariables(variables, text);
  return { text, segments, variables, verb };
}

/** The verb's colon comes after the last `/` and outside of braces; -1 when there is none. */
function findVerb(text: string): number {
  const from = Math.max(text.lastIndexOf("/"), text.lastIndexOf("}"));
  return text.indexOf(":", from);
}

function splitOutsideBraces(path: string, text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < path.length; i++) {
    if (path[i] === "{") depth++;
    if (path[i] === "}") depth--;
    if (depth < 0 || depth > 1) {
      const fault = depth < 0 ? "an unmatched brace" : "a variable inside a variable";
      throw new Error(`the path template "${text}" has ${fault}`);
    }
    if (path[i] === "/" && depth === 0) {
      parts.push(path.slice(start, i));
      start = i + 1;
    }
  }
  if (depth !== 0) throw new Error(`the path template "${text}" has an unmatched brace`);
  parts.push(path.slice(start));
  return parts;
}

function parseVariable(part: string, segments: TemplateSegment[], text: string): TemplateVariable {
  if (!part.endsWith("}")) {
    throw new Error(`a variable of the path template "${text}" must be a whole segment`);
  }
  const inner = part.slice(1, -1);
  const equals = inner.indexOf("=");
  const field = equals === -1 ? inner : inner.slice(0, equals);
  if (!fieldPathPattern.test(field)) {
    throw new Error(`"${field}" is not a field path in the path template "${text}"`);
  }
  const start = segments.length;
  const pattern = equals === -1 ? "*" : inner.slice(equals + 1);
  for (const segment of pattern.split("/")) segments.push(parseSegment(segment, text));
  const end = segments.length;
  const multi = end - start > 1 || segments[start]?.kind === "rest";
  return { field, start, end, multi };
}

function parseSegment(part: string, text: string): TemplateSegment {
  if (part === "*") return { kind: "one" };
  if (part === "**") return { kind: "rest" };
  return { kind: "literal", text: parseLiteral(part, text) };
}

function parseLiteral(part: string, text: string): string {
  if (part === "") throw new Error(`the path template "${text}" has an empty segment or verb`);
  if (!literalPattern.test(part)) {
    throw new Error(`"${part}" is not a literal in the path template "${text}"`);
  }
  const encoded = part.replace(/[^\p{ASCII}]/gu, (character) => encodeURIComponent(character));
  const decoded = decodePercent(encoded);
  if (decoded === undefined) {
    throw new Error(`"${part}" is not percent-encoded UTF-8 in the path template "${text}"`);
  }
  return decoded;
}

function refuseRepeatedVariables(variables: readonly TemplateVariable[], text: string): void {
  const seen = new Set<string>();
  for (const { field } of variables) {
    if (seen.has(field))
      throw new Error(`"${field}" is bound twice in the path template "${text}"`);
    seen.add(field);
  }
}
