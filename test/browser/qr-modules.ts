// Reads a QR code off a page as a camera would: by the colours of the drawn image, not by what it
// was made from.

import type { Locator } from "playwright-core";

/**
 * Which modules of the image are dark, row by row, with the quiet zone; `size` is the number of
 * modules in a row.
 */
export async function readModules(image: Locator, size: number): Promise<readonly boolean[][]> {
  return await image.evaluate((element, modules) => {
    const pixelsPerModule = 8;
    const side = modules * pixelsPerModule;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: side, height: side });
    const brush = canvas.getContext("2d");
    if (brush === null) throw new Error("no canvas");
    brush.drawImage(element as HTMLImageElement, 0, 0, side, side);
    const { data } = brush.getImageData(0, 0, side, side);
    const centre = (index: number) => index * pixelsPerModule + pixelsPerModule / 2;
    const red = (row: number, column: number) => data[4 * (centre(row) * side + centre(column))];
    const indexes = [...Array(modules).keys()];
    return indexes.map((row) => indexes.map((column) => (red(row, column) ?? 255) < 128));
  }, size);
}
