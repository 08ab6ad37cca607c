// Percent-decoding of URL parts (RFC 3986 section 2.1), done once and strictly.
// Splitting paths and queries is done by those who know them.

const printableAscii = /^[\x21-\x7e]*$/;

/**
 * Decodes one part of a URL. Undefined when it has a raw byte that no URL may have, a malformed
 * `%`, or bytes that are not UTF-8.
 */
export function decodePercent(raw: string): string | undefined {
  if (!printableAscii.test(raw)) return undefined;
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

/**
 * Decodes a value that spans several path segments. `%2F` stays as it is, because decoded it could
 * not be told from a separator (google/api/http.proto, "Path template syntax").
 */
export function decodePercentExceptSlash(raw: string): string | undefined {
  return decodePercent(raw.replace(/%2f/gi, (slash) => `%25${slash.slice(1)}`));
}

/**
 * Decodes a name or value of a query, where `+` is a space (WHATWG URL, form-urlencoded parsing).
 */
export function decodeQueryPart(raw: string): string | undefined {
  return decodePercent(raw.replaceAll("+", "%20"));
}
