// The arguments of a Bot API call, from the query string, a form or a JSON body, read as leniently
// as the real server reads them. What an argument means is the method's business.

import { badRequest } from "./api-error.ts";

/** The arguments of one call. */
export interface ApiArguments {
  /**
   * The argument as text; "" when it is absent. Numbers and objects of a JSON body are written out.
   */
  text(name: string): string;
  /**
   * The argument as a whole number, clamped to the bounds; `fallback` when it is absent, 0 when it
   * is no number.
   */
  integer(name: string, bounds: { fallback: number; min: number; max: number }): number;
  /** True for `true`, `yes` and `1`, as the real server reads a Boolean. */
  flag(name: string): boolean;
  /**
   * The argument as JSON; undefined when it is absent. Throws 400 `problem` when it is text that is
   * not JSON.
   */
  json(name: string, problem: string): unknown;
}

type Values = ReadonlyMap<string, unknown>;

function valueText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function parseJson(text: string, problem: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(problem);
  }
}

function viewOf(values: Values): ApiArguments {
  const text = (name: string): string => valueText(values.get(name));
  return {
    text,
    integer(name, { fallback, min, max }) {
      const given = text(name);
      const value = given === "" ? fallback : Number.parseInt(given, 10) || 0;
      return Math.min(Math.max(value, min), max);
    },
    flag: (name) => ["true", "yes", "1"].includes(text(name).toLowerCase()),
    json(name, problem) {
      const value = values.get(name);
      if (value === undefined || value === null || value === "") return undefined;
      return typeof value === "string" ? parseJson(value, problem) : value;
    },
  };
}

function bodyEntries(body: string, contentType: string): Iterable<readonly [string, unknown]> {
  if (body === "") return [];
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/x-www-form-urlencoded") return new URLSearchParams(body);
  if (type === "application/json") {
    if (!body.trimStart().startsWith("{")) throw badRequest("JSON object expected");
    const parsed = parseJson(body, "expected next field or object end");
    return Object.entries(parsed as Readonly<Record<string, unknown>>);
  }
  if (type === "multipart/form-data") {
    throw badRequest("the pretend server takes no multipart/form-data, send JSON or a form");
  }
  // The real server ignores a body of any other type.
  return [];
}

/**
 * Reads the arguments of a call; what stands in the body wins over the query string. Throws 400
 * with Telegram's words when the body is malformed JSON.
 * https://core.telegram.org/bots/api#making-requests
 */
export function readArguments(
  query: URLSearchParams,
  body: { text: string; contentType: string },
): ApiArguments {
  return viewOf(new Map([...query, ...bodyEntries(body.text, body.contentType)]));
}
