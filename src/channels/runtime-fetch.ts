// A seam to the runtime: a `fetch` that trusts one more certificate authority. Node and Deno each
// have their own way; neither ever turns verification off. The other seam is light-fetch.ts.

import { readFile } from "node:fs/promises";
import * as tls from "node:tls";
import { traceHeaders } from "../trace.ts";

/** Calls a URL, as the global `fetch` does. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` that tells the caller's trace along. Not for a messenger's public API: it need not
 * learn which calls of an operator's systems belong together.
 */
export function withTrace(plain: Fetch): Fetch {
  return (url, init) => {
    const trace = traceHeaders();
    if (trace.length === 0) return plain(url, init);
    const headers = new Headers(init?.headers);
    for (const [name, value] of trace) headers.set(name, value);
    return plain(url, { ...init, headers });
  };
}

/** The CA file cannot be used; the message says why, for the operator. */
export class CaFileError extends Error {}

/** What Deno has and the types of the web do not know. */
interface DenoRuntime {
  createHttpClient(options: { caCerts: readonly string[] }): object;
}

/**
 * A `fetch` that also trusts the certificates of this PEM file; null = the runtime's own. Throws
 * {@link CaFileError}. Under Node the trust holds for the whole process
 * (https://nodejs.org/api/tls.html#tlssetdefaultcacertificatescerts), under Deno for this `fetch`
 * only.
 */
export async function fetchTrusting(caFile: string | null): Promise<Fetch> {
  if (caFile === null) return fetch;
  const certificates = await readCertificates(caFile);
  const { Deno: deno } = globalThis as { Deno?: DenoRuntime };
  if (deno !== undefined) {
    const client = deno.createHttpClient({ caCerts: certificates });
    return (url, init) => fetch(url, { ...init, client } as RequestInit);
  }
  const trusted = tls.getCACertificates("default");
  const missing = certificates.filter((certificate) => !trusted.includes(certificate));
  try {
    if (missing.length > 0) tls.setDefaultCACertificates([...trusted, ...missing]);
  } catch (cause) {
    throw new CaFileError("The CA file holds a certificate that cannot be read.", { cause });
  }
  return fetch;
}

async function readCertificates(caFile: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(caFile, "utf8");
  } catch (cause) {
    throw new CaFileError("The CA file cannot be read: check its path and rights.", { cause });
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (certificates === null) {
    throw new CaFileError(
      "The CA file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).",
    );
  }
  return certificates;
}
