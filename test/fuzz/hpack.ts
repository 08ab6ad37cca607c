// HPACK (RFC 7541) as far as a client by hand needs it: writes literals only, reads what a server
// writes that was told to keep no dynamic table.

/** A header field. */
export type Field = readonly [name: string, value: string];

/** RFC 7541 appendix A: names, and after `=` the values of those that have one. */
const STATIC_TABLE: readonly Field[] =
  `:authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|
:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|
accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|
content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|
cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|
last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|
server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`
    .replaceAll("\n", "")
    .split("|")
    .map((entry) => {
      const [name = "", value = ""] = entry.split("=");
      return [name, value];
    });

/**
 * RFC 7541 appendix B: the code is canonical, so its lengths say all. Characters that headers of
 * ours have.
 */
const CHARACTERS_BY_BITS: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
];

const CHARACTER_OF_CODE = codes();

function codes(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let code = 0;
  let length = 0;
  for (const [bits, characters] of CHARACTERS_BY_BITS) {
    code <<= bits - length;
    length = bits;
    for (const character of characters) found.set(`${bits}:${code++}`, character);
  }
  return found;
}

/** Writes fields as literals without indexing: any bytes at all, as latin-1. */
export function encodeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Uint8Array.of(0), encodeText(name), encodeText(value)]),
  );
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Uint8Array.of(...length, rest), bytes]);
}

/** Reads a header block. Throws on what a server has no reason to write. */
export function decodeFields(block: Uint8Array): Field[] {
  const reader = { block, at: 0 };
  const fields: Field[] = [];
  while (reader.at < block.length) {
    const first = block[reader.at] ?? 0;
    if (first & 0x80) fields.push(staticField(readNumber(reader, 7)));
    else if ((first & 0xe0) === 0x20) readNumber(reader, 5);
    else {
      const index = readNumber(reader, first & 0x40 ? 6 : 4);
      const name = index === 0 ? readText(reader) : staticField(index)[0];
      fields.push([name, readText(reader)]);
    }
  }
  return fields;
}

interface Reader {
  readonly block: Uint8Array;
  at: number;
}

function staticField(index: number): Field {
  const field = STATIC_TABLE[index - 1];
  if (field === undefined) throw new Error(`the dynamic table was used: ${index}`);
  return field;
}

function readNumber(reader: Reader, prefixBits: number): number {
  const most = (1 << prefixBits) - 1;
  let value = (reader.block[reader.at++] ?? 0) & most;
  if (value < most) return value;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.block[reader.at++] ?? 0;
    value += (byte & 127) << shift;
    if (byte < 128) return value;
  }
}

function readText(reader: Reader): string {
  const isHuffman = ((reader.block[reader.at] ?? 0) & 0x80) !== 0;
  const length = readNumber(reader, 7);
  const bytes = reader.block.subarray(reader.at, reader.at + length);
  reader.at += length;
  return isHuffman ? readHuffman(bytes) : Buffer.from(bytes).toString("latin1");
}

function readHuffman(bytes: Uint8Array): string {
  let text = "";
  let code = 0;
  let bits = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      bits++;
      const character = CHARACTER_OF_CODE.get(`${bits}:${code}`);
      if (character === undefined) continue;
      text += character;
      code = 0;
      bits = 0;
    }
  }
  return text;
}
