// The certificate and key files of this server: read at the start, and looked at again now and
// then, so that a renewed certificate needs no restart.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import type { Certificate } from "./listener.ts";

/** Where the certificate and its key are. */
export interface TlsFiles {
  /** The certificate and the chain up to its authority, PEM. */
  readonly certFile: string;
  /** The private key, PEM, without a passphrase. */
  readonly keyFile: string;
}

/** Milliseconds between two looks at the files. */
const LOOK_MS = 2000;

/**
 * Reads both files. Rejects with a sentence when one cannot be read or they do not belong together.
 */
export async function readCertificate(files: TlsFiles): Promise<Certificate> {
  const certificate = {
    cert: await read(files.certFile, "TAPIN_TLS_CERT"),
    key: await read(files.keyFile, "TAPIN_TLS_KEY"),
  };
  if (!belongTogether(certificate)) {
    throw new Error(
      "TAPIN_TLS_CERT and TAPIN_TLS_KEY do not hold a certificate and its private key in PEM form.",
    );
  }
  return certificate;
}

function belongTogether({ cert, key }: Certificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function read(file: string, setting: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    throw new Error(`${setting} cannot be read (${code}): check its path and rights.`);
  }
}

/**
 * Hands over what the files hold whenever it has changed, until the answer is called. What cannot
 * be used, such as a certificate whose key is not written yet, is logged once and left out: the
 * certificate in use stays.
 */
export function watchTlsFiles(
  files: TlsFiles,
  known: Certificate,
  { renew, log }: { renew: (certificate: Certificate) => void; log: Logger },
): () => void {
  let last = known;
  let complaint = "";
  const look = async () => {
    try {
      const certificate = await readCertificate(files);
      complaint = "";
      if (certificate.cert === last.cert && certificate.key === last.key) return;
      last = certificate;
      renew(certificate);
      log.info({ event: "certificate_renewed" }, "the certificate was read again");
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      if (sentence !== complaint) log.error({ event: "certificate_unusable" }, sentence);
      complaint = sentence;
    }
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
