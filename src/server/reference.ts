// The contract for readers: `/openapi.json` for tools and `/docs` for people. Both are generated
// (by scripts/build-docs.ts) and only get the public URL here. Neither wants a key.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { answerBytes, type Exchange, headerOf } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** The public URL that the generated files are written with. */
export const GENERATED_PUBLIC_URL = "https://login.example.com";

/** What the reference must say. */
export interface ReferenceParts {
  /**
   * The URL that readers should call; asked for with every request, since the port may come late.
   */
  readonly publicUrl: () => string;
  /** Whether SandboxService is served. */
  readonly sandbox: boolean;
}

interface Page {
  /** One after the other. */
  readonly files: readonly URL[];
  readonly type: string;
  /** Writes the public URL so that it means itself in this format. */
  readonly spell: (publicUrl: string) => string;
}

/** No script, nothing from elsewhere, and no frame around it. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The routes `/openapi.json`, `/docs` and `/docs/style.css`. */
export function referenceRoutes({ publicUrl, sandbox }: ReferenceParts): readonly PlainRoute[] {
  const variant = sandbox ? "-sandbox" : "";
  const pages: Readonly<Record<string, Page>> = {
    "/openapi.json": {
      files: [new URL(`../../gen/openapi${variant}.json`, import.meta.url)],
      type: "application/json",
      spell: (url) => JSON.stringify(url).slice(1, -1),
    },
    "/docs": {
      files: [new URL(`../../gen/docs${variant}.html`, import.meta.url)],
      type: "text/html; charset=utf-8",
      spell: (url) => url.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    },
    "/docs/style.css": {
      files: ["palette", "docs"].map((name) => new URL(`../web/${name}.css`, import.meta.url)),
      type: "text/css; charset=utf-8",
      spell: (url) => url,
    },
  };
  return Object.entries(pages).map(([path, page]) => {
    let last: Written | null = null;
    return readOnlyRoute(path, async (exchange) => {
      const url = publicUrl();
      if (last?.publicUrl !== url) last = await write(page, url);
      await answerPage(exchange, page.type, last);
    });
  });
}

/** A page as it is for one public URL. */
interface Written {
  readonly publicUrl: string;
  readonly bytes: Uint8Array;
  /** Its entity tag. */
  readonly tag: string;
}

async function write({ files, spell }: Page, publicUrl: string): Promise<Written> {
  const text = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
  // A function, or `$&` in the URL would not mean itself.
  const bytes = Buffer.from(text.replaceAll(GENERATED_PUBLIC_URL, () => spell(publicUrl)));
  const tag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  return { publicUrl, bytes, tag };
}

/**
 * May be kept, and is asked for again each time: 304 while it is the same (RFC 9110 section
 * 13.1.2).
 */
async function answerPage(
  exchange: Exchange,
  type: string,
  { bytes, tag }: Written,
): Promise<void> {
  const { req, res } = exchange;
  const headers = [
    ["cache-control", "no-cache"],
    ["etag", tag],
    ["content-security-policy", POLICY],
    ["referrer-policy", "no-referrer"],
  ] as const;
  const known = (headerOf(req, "if-none-match") ?? "").split(",").map((text) => text.trim());
  if (known.includes("*") || known.some((text) => text.replace(/^W\//, "") === tag)) {
    for (const [name, value] of headers) res.setHeader(name, value);
    res.statusCode = 304;
    res.end();
    return;
  }
  await answerBytes(exchange, { type, bytes, headers });
}
