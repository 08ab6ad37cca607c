// JSON with whole numbers above 2^53 in it: JSON.stringify alone knows no bigint, and a number
// would be rounded.

// ECMAScript proposal JSON.parse source text access, in V8 since 11.4; the compiler's library does
// not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** The JSON text of a value; a bigint is written as a plain number. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "bigint" ? rawJSON(String(part)) : part,
  );
}
