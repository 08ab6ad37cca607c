// Family GET: Connect's form of a call in a URL.

import { gzipSync } from "node:zlib";
import { json, proto, type WireRequest } from "./wire.ts";
import { allows, hasOne, one, table, type WireCase } from "./wire-case.ts";

const b64 = (bytes: Uint8Array | string) => Buffer.from(bytes as Uint8Array).toString("base64url");
const get = (query: string, headers = {}): WireRequest => ({
  rpc: "IdempotentUnary",
  verb: "GET",
  type: null,
  query,
  headers,
});
const asJson = encodeURIComponent(json(one));

/** The cases. */
export const GET_CASES: readonly WireCase[] = table("GET", [
  ["JSON in the query", get(`connect=v1&encoding=json&message=${asJson}`), "ok", hasOne],
  ["JSON in base64", get(`encoding=json&base64=1&message=${b64(json(one))}`), "ok", hasOne],
  ["binary in base64", get(`encoding=proto&base64=1&message=${b64(proto(one))}`), "ok"],
  [
    "base64 with padding",
    get(
      `encoding=proto&base64=1&message=${encodeURIComponent(Buffer.from(proto(one)).toString("base64"))}`,
    ),
    "ok",
  ],
  ["an empty binary message", get("encoding=proto&message="), "ok"],
  ["an empty JSON object", get("encoding=json&message=%7B%7D"), "ok"],
  ["other names in the query", get(`encoding=json&message=${asJson}&x=1&x=2`), "ok", hasOne],
  ["in another order", get(`message=${asJson}&encoding=json`), "ok", hasOne],
  [
    "gzip",
    get(`encoding=json&base64=1&compression=gzip&message=${b64(gzipSync(json(one)))}`),
    "ok",
    hasOne,
  ],
  [
    "compression=identity",
    get(`encoding=json&compression=identity&message=${asJson}`),
    "ok",
    hasOne,
  ],
  [
    "a plus is a space",
    get(`encoding=json&message=${encodeURIComponent('{"sentence":')}"+"%7D`),
    "ok",
  ],
  [
    "compression nobody knows",
    get(`encoding=json&compression=foo&message=${asJson}`),
    "unimplemented",
  ],
  ["no encoding", get(`message=${asJson}`), "HTTP 415"],
  ["an encoding nobody knows", get(`encoding=foo&message=${asJson}`), "HTTP 415"],
  ["broken JSON", get("encoding=json&message=%7B"), "invalid_argument"],
  [
    "broken binary",
    get(`encoding=proto&base64=1&message=${b64(Buffer.from([0x0a, 0x7f, 1]))}`),
    "invalid_argument",
  ],
  [
    "a version of the protocol nobody knows",
    get(`connect=v9&encoding=json&message=${asJson}`),
    "invalid_argument",
  ],
  [
    "an error",
    get(`encoding=json&message=${encodeURIComponent(json({ reason: "CONFLICT" }))}`),
    "already_exists",
  ],
  [
    "a broken rule",
    get(`encoding=json&message=${encodeURIComponent(json({ short: "long" }))}`),
    "invalid_argument",
  ],
  [
    "a method with side effects",
    { ...get(`encoding=json&message=${asJson}`), rpc: "Unary" },
    "HTTP 405",
    allows("POST"),
  ],
  [
    "HEAD",
    { ...get(`encoding=json&message=${asJson}`), verb: "HEAD" },
    "HTTP 405",
    allows("GET, POST"),
  ],
]);
