// JSON whose whole numbers keep every digit, as MAX writes them. What its objects mean is not read
// here.

type Reviver = (key: string, value: unknown) => unknown;

// MAX writes 64-bit numbers, which JSON.parse would round: those beyond 2^53 become text, digit by
// digit (https://tc39.es/proposal-json-parse-with-source).
const exactly = ((_: string, value: unknown, context?: { readonly source?: string }) =>
  typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? (context?.source ?? value)
    : value) as Reviver;

/** The object, with whole numbers beyond 2^53 as text; null when the text is no JSON object. */
export function parseExactly(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text, exactly);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
