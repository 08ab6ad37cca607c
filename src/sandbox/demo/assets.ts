// The script and the style the demo site's pages load, and no other file of the disk. The script is
// built from src/web/demo.ts by scripts/build-web.ts.

import { readFile } from "node:fs/promises";
import type { Answer } from "./http.ts";

const script = {
  files: [new URL("../../../gen/web/demo.js", import.meta.url)],
  type: "text/javascript; charset=utf-8",
};
const style = {
  files: ["palette", "demo"].map((name) => new URL(`../../web/${name}.css`, import.meta.url)),
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

async function readAsset(asset: {
  readonly files: readonly URL[];
  readonly type: string;
}): Promise<Answer> {
  const headers = { "content-type": asset.type, "cache-control": "no-cache" };
  const texts = await Promise.all(asset.files.map((file) => readFile(file, "utf8")));
  return { status: 200, headers, body: texts.join("\n") };
}
