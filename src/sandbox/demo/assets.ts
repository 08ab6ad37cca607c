// The two files the demo site's pages load, and no other file of the disk. The script is built from
// src/web/demo.ts by scripts/build-web.ts.

import { readFile } from "node:fs/promises";
import type { Answer } from "./http.ts";

const script = {
  file: new URL("../../../gen/web/demo.js", import.meta.url),
  type: "text/javascript; charset=utf-8",
};
const style = {
  file: new URL("../../web/demo.css", import.meta.url),
  type: "text/css; charset=utf-8",
};

/** Answers with the script of the login page. Rejects when the file cannot be read. */
export function readScript(): Promise<Answer> {
  return readAsset(script);
}

/** Answers with the stylesheet of every page. Rejects when the file cannot be read. */
export function readStyle(): Promise<Answer> {
  return readAsset(style);
}

async function readAsset(asset: { readonly file: URL; readonly type: string }): Promise<Answer> {
  const headers = { "content-type": asset.type, "cache-control": "no-cache" };
  return { status: 200, headers, body: await readFile(asset.file) };
}
