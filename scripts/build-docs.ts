// Generates the REST documents from proto/: gen/openapi.json and its readable page gen/docs.html,
// and both once more with SandboxService, as they are served while the sandbox is on. What they say
// is made in scripts/openapi. Run it after `buf generate`: that command empties gen/ first.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { buildDocument, SANDBOX_SERVICES, SERVICES } from "./openapi/document.ts";
import { readImage } from "./openapi/image.ts";
import { renderPage } from "./openapi/page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** File in gen/ -> its text. Throws when something could not be told truly. */
export function docsFiles(): ReadonlyMap<string, string> {
  const image = readImage();
  const contract = buildDocument(SERVICES, image);
  const all = buildDocument(SANDBOX_SERVICES, image);
  return new Map([
    ["openapi.json", `${JSON.stringify(contract, null, 2)}\n`],
    ["docs.html", renderPage(contract)],
    ["openapi-sandbox.json", `${JSON.stringify(all, null, 2)}\n`],
    ["docs-sandbox.html", renderPage(all)],
  ]);
}

if (import.meta.main) {
  for (const [name, text] of docsFiles()) {
    await writeFile(`${root}gen/${name}`, text);
    console.log(`gen/${name}`);
  }
}
