// The contract for readers: `/openapi.json` for tools and `/docs` for people. Both are generated (by
// scripts/build-docs.ts) and only get the public URL here. Neither wants a key.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { type Exchange, headerOf } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** The public URL that the generated files are written with. */
export const GENERATED_PUBLIC_URL = "https://login.example.com";

/** What the reference must say. */
export interface ReferenceParts {
  /** The URL that readers should call; asked for with every request, since the port may come late. */
  readonly publicUrl: () => string;
  /** Whether SandboxService is served. */
  readonly sandbox: boolean;
}

interface Page {
  readonly file: URL;
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
      file: new URL(`../../gen/openapi${variant}.json`, import.meta.url),
      type: "application/json",
      spell: (url) => JSON.stringify(url).slice(1, -1),
    },
    "/docs": {
      file: new URL(`../../gen/docs${variant}.html`, import.meta.url),
      type: "text/html; charset=utf-8",
      spell: (url) => url.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    },
    "/docs/style.css": {
      file: new URL("../web/docs.css", import.meta.url),
      type: "text/css; charset=utf-8",
      spell: (url) => url,
    },
  };
  return Object.entries(pages).map(([path, page]) =>
    readOnlyRoute(path, async (exchange) => {
      const text = await readFile(page.file, "utf8");
      const bytes = Buffer.from(text.replaceAll(GENERATED_PUBLIC_URL, page.spell(publicUrl())));
      answerPage(exchange, page.type, bytes);
    }),
  );
}

/** May be kept, and is asked for again each time: 304 while it is the same (RFC 9110 section 13.1.2). */
function answerPage({ req, res }: Exchange, type: string, bytes: Buffer): void {
  const tag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  res.setHeader("cache-control", "no-cache");
  res.setHeader("etag", tag);
  res.setHeader("content-security-policy", POLICY);
  res.setHeader("referrer-policy", "no-referrer");
  const known = (headerOf(req, "if-none-match") ?? "").split(",").map((text) => text.trim());
  if (known.includes("*") || known.some((text) => text.replace(/^W\//, "") === tag)) {
    res.statusCode = 304;
    res.end();
    return;
  }
  res.statusCode = 200;
  res.setHeader("content-type", type);
  res.setHeader("content-length", String(bytes.length));
  // Both kinds of response have the same `end`, which the union type hides.
  if (req.method === "HEAD") res.end();
  else (res as ServerResponse).end(bytes);
}
