// Secrets: how API keys, watch tokens, codes and ids look, how they are derived and compared. Pure:
// random bytes are handed in, nothing is stored here. Derivation is HMAC-SHA256 (RFC 2104) with a
// label per use.

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hash,
  timingSafeEqual,
} from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Prefix of every API key. */
export const API_KEY_PREFIX = "tapin_live_";

/** Prefix of every watch token. */
export const WATCH_TOKEN_PREFIX = "tapin_watch_";

/** Prefix of every admin token that Tapin makes itself; an operator may choose another. */
export const ADMIN_TOKEN_PREFIX = "tapin_admin_";

/**
 * Pattern source of what all credentials with a prefix begin with, for those who look for them in
 * text.
 */
export const CREDENTIAL_PREFIX = [API_KEY_PREFIX, WATCH_TOKEN_PREFIX, ADMIN_TOKEN_PREFIX].join("|");

/** Characters after the prefix of an API key or watch token: 190 bit. */
export const SECRET_LENGTH = 32;

/** Fewest bytes of a server secret. */
export const MIN_SECRET_BYTES = 32;

/** Gives this many random bytes; handed in, so that rules stay pure. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Evenly distributed text of `[A-Za-z0-9]`; bytes of 248 and above are thrown away to avoid bias.
 */
export function randomText(random: RandomBytes, length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

/** A random two-digit match code, `10` to `99`. */
export function randomMatchCode(random: RandomBytes): string {
  for (;;) {
    const byte = random(1)[0] ?? 255;
    if (byte < 180) return String(10 + (byte % 90));
  }
}

/** SHA-256 in hex: how keys and codes are stored and looked up. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}

/** Compares in constant time; hashing first makes the lengths equal. */
export function sameSecret(left: string, right: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(left), digest(right));
}

/**
 * Bytes that look random and are the same, in the same order, for the same seed. As secret as the
 * seed is.
 */
export function repeatableBytes(seed: string): RandomBytes {
  let part = 0;
  return (count) => {
    const blocks: Uint8Array[] = [];
    for (let length = 0; length < count; length += 32) {
      blocks.push(createHash("sha256").update(`${seed}|${part++}`, "utf8").digest());
    }
    return Buffer.concat(blocks).subarray(0, count);
  };
}

/** The S256 challenge of a PKCE verifier (RFC 7636 section 4.2). */
export function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier, "ascii").digest("base64url");
}

/**
 * What is derived from the server secret. The first key makes, all keys check, so it can be
 * rotated.
 */
export interface Secrets {
  /** The code that stands for a grant: 43 base64url characters. */
  codeOf(grantId: string): string;
  /** The code again, made with whichever key fits the stored hash; null when none does. */
  codeMatching(grantId: string, codeHash: string): string | null;
  /** The watch token of a session. */
  watchTokenOf(sessionId: string): string;
  /** Whether the token is that session's watch token. Constant time. */
  isWatchToken(sessionId: string, token: string): boolean;
  /** A text sealed with AES-256-GCM, as base64url; `random` gives the nonce. */
  seal(text: string, random: RandomBytes): string;
  /**
   * The sealed text, opened with whichever key fits; null when none does or it was tampered with.
   */
  open(sealed: string): string | null;
  /** 43 base64url characters that nobody else can guess, the same for the same purpose. */
  derive(purpose: string): string;
}

/** Builds the derivations from one or more server secrets of at least 32 bytes each. */
export function createSecrets(keys: readonly string[]): Secrets {
  const [first] = keys;
  if (first === undefined) throw new Error("at least one server secret is needed");
  const mac = (key: string, label: string, id: string) =>
    createHmac("sha256", key).update(`tapin/${label}|${id}`, "utf8").digest();
  const code = (key: string, grantId: string) => mac(key, "code", grantId).toString("base64url");
  const watch = (key: string, sessionId: string) =>
    WATCH_TOKEN_PREFIX + watchText(mac, key, sessionId);
  return {
    codeOf: (grantId) => code(first, grantId),
    codeMatching: (grantId, codeHash) =>
      keys.map((key) => code(key, grantId)).find((made) => sha256Hex(made) === codeHash) ?? null,
    watchTokenOf: (sessionId) => watch(first, sessionId),
    isWatchToken: (sessionId, token) =>
      keys.map((key) => sameSecret(watch(key, sessionId), token)).includes(true),
    seal: (text, random) => seal(mac(first, "seal", ""), text, random),
    open: (sealed) =>
      keys.map((key) => unseal(mac(key, "seal", ""), sealed)).find((text) => text !== null) ?? null,
    derive: (purpose) => mac(first, "derive", purpose).toString("base64url"),
  };
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Nonce, tag and ciphertext in one (NIST SP 800-38D). */
function seal(key: Uint8Array, text: string, random: RandomBytes): string {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
}

function unseal(key: Uint8Array, sealed: string): string | null {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([opened, decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

type Mac = (key: string, label: string, id: string) => Uint8Array;

// Two MACs give 64 bytes, of which on average 62 are usable: always enough for 32 characters.
function watchText(mac: Mac, key: string, sessionId: string): string {
  let part = 0;
  return randomText(() => mac(key, `watch/${part++}`, sessionId), SECRET_LENGTH);
}

/** A random UUID (RFC 9562, version 4). */
export function randomUuid(random: RandomBytes): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  const parts = [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ];
  return parts.map(([start, end]) => hex.slice(start, end)).join("-");
}
