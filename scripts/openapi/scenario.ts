// What an example of the document is: one request and the answer to it, spread over the document's
// places under one name. The examples themselves are in auth-scenarios.ts, admin-scenarios.ts and
// sandbox-scenarios.ts; a test carries every one of them out.

import { GENERATED_PUBLIC_URL } from "../../src/server/reference.ts";

/** Which credentials a caller sends: a security scheme of the document, or none. */
export type Credentials = "apiKey" | "watchToken" | "adminToken" | "none";

/** One request and its answer. */
export interface Scenario {
  /** Name of the example everywhere in the document. */
  readonly name: string;
  /** What it shows. */
  readonly summary: string;
  readonly credentials: Credentials;
  /** Values of path, query and header parameters by name. */
  readonly parameters?: Readonly<Record<string, string | number>>;
  /** The body. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly status: number;
  /** Media type of the answer; default JSON. */
  readonly mediaType?: string;
  /** The answer: JSON, or the text of a stream. */
  readonly answer: unknown;
}

/** The scenarios of each operation; the first of a list is the one shown as a command. */
export type Scenarios = Readonly<Record<string, readonly [Scenario, ...Scenario[]]>>;

/**
 * Values that several examples share. They are replaced by real ones when the examples are carried
 * out.
 */
export const EXAMPLE = {
  publicUrl: GENERATED_PUBLIC_URL,
  telegramBot: "https://t.me/YourBot",
  maxBot: "https://max.ru/YourBot",
  slug: "my-shop",
  sessionId: "aBcDeFgH12345678",
  unknownSessionId: "0000000000000000",
  watchToken: "tapin_watch_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
  apiKey: "tapin_live_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
  keyId: "0b9c1a4e-6a53-4c0e-9d8f-2f1f3f6f7a01",
  subscriberId: "5f0c7f0e-7f57-4b0a-8c0b-9f4f9a4f3c11",
  code: "q7Jm0l0Vt3m2h0e9Vb1c8Zk5sYx4uWd6rTg2nPa7LfE",
  requestId: "2b7e4f7c-90c5-4d3b-8a53-0f2f6f1f9e20",
  time: "2026-11-24T12:00:00.000Z",
} as const;

/** The body of an error. */
export function errorAnswer(
  code: string,
  error: string,
  violations?: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const fields = Object.entries(violations ?? {}).map(([field, message]) => ({ field, message }));
  return {
    error,
    code,
    retryable: code === "rate_limited",
    request_id: EXAMPLE.requestId,
    ...(violations !== undefined && { violations: fields }),
  };
}
