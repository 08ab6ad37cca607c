// Writes JPEG files that consist of tiles of 8 by 8 pixels, each of one colour: all that a picture
// of a pretend person needs, and a file that every reader of JPEG takes. ITU-T T.81, baseline,
// https://www.w3.org/Graphics/JPEG/itu-t81.pdf

/** A colour as JPEG has it: luma, blue and red difference, 0 to 255 each. */
export type TileColour = readonly [y: number, cb: number, cr: number];

/** Pixels along the side of a tile. */
export const TILE_PIXELS = 8;

// Code lengths of the table K.3 of the standard, for differences of up to eight bits.
const DC_CODES = ["00", "010", "011", "100", "101", "110", "1110", "11110", "111110"] as const;
const DC_LENGTHS = [0, 1, 5, 1, 1, 1];

// A tile of one colour has no other coefficient: each block ends at once, with the one code of its
// table.
const END_OF_BLOCK = "0";

const QUANTISATION = 8;

function segment(marker: number, ...content: readonly number[]): readonly number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 0xff, ...content];
}

function huffmanTable(id: number, lengths: readonly number[], symbols: readonly number[]) {
  const counts = Array.from({ length: 16 }, (_, index) => lengths[index] ?? 0);
  return segment(0xc4, id, ...counts, ...symbols);
}

function headOf(tilesPerSide: number): readonly number[] {
  const side = tilesPerSide * TILE_PIXELS;
  const frameParts = [1, 2, 3].flatMap((component) => [component, 0x11, 0]);
  const scanParts = [1, 2, 3].flatMap((component) => [component, 0]);
  return [
    ...[0xff, 0xd8],
    ...segment(0xe0, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0),
    ...segment(0xdb, 0, ...Array<number>(64).fill(QUANTISATION)),
    ...segment(0xc0, 8, side >> 8, side & 0xff, side >> 8, side & 0xff, 3, ...frameParts),
    ...huffmanTable(0x00, DC_LENGTHS, [...DC_CODES.keys()]),
    ...huffmanTable(0x10, [1], [0]),
    ...segment(0xda, 3, ...scanParts, 0, 63, 0),
  ];
}

/**
 * The difference in as few bits as it needs, after the code of their number (T.81 section F.1.2.1).
 */
function differenceBits(difference: number): string {
  const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
  const value = difference < 0 ? difference + 2 ** size - 1 : difference;
  const bits = size === 0 ? "" : value.toString(2).padStart(size, "0");
  return `${DC_CODES[size]}${bits}`;
}

function scanBits(tilesPerSide: number, colourAt: (x: number, y: number) => TileColour): string {
  const before = [128, 128, 128];
  let bits = "";
  for (let tile = 0; tile < tilesPerSide ** 2; tile += 1) {
    const colour = colourAt(tile % tilesPerSide, Math.floor(tile / tilesPerSide));
    for (const [component, value] of colour.entries()) {
      const whole = Math.round(value);
      bits += differenceBits(whole - (before[component] ?? 0)) + END_OF_BLOCK;
      before[component] = whole;
    }
  }
  return bits;
}

function packed(bits: string): readonly number[] {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  const bytes: number[] = [];
  for (let at = 0; at < padded.length; at += 8) {
    const byte = Number.parseInt(padded.slice(at, at + 8), 2);
    // In the data 0xff would begin a marker: a zero after it says that it does not.
    bytes.push(...(byte === 0xff ? [byte, 0] : [byte]));
  }
  return bytes;
}

/** The bytes of a square picture. `colourAt` is asked for each tile, from the top left. */
export function tileJpeg(
  tilesPerSide: number,
  colourAt: (x: number, y: number) => TileColour,
): Uint8Array {
  const scan = packed(scanBits(tilesPerSide, colourAt));
  return Uint8Array.from([...headOf(tilesPerSide), ...scan, 0xff, 0xd9]);
}
