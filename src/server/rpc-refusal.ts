// What connect-node would answer with an empty body (wrong method, wrong type), refused in the
// envelope first.

import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { TapinError } from "../errors.ts";
import { type Exchange, headerOf } from "./exchange.ts";

const UNARY_TYPES = ["application/json", "application/proto"];
const STREAM_TYPES = ["application/connect+json", "application/connect+proto"];
const GRPC_TYPES = [
  "grpc",
  "grpc+proto",
  "grpc+json",
  "grpc-web",
  "grpc-web+proto",
  "grpc-web+json",
];

/**
 * Why this request is none of the RPC; null = it may be one. Writes its type as connect-node knows
 * it.
 */
export function refusalOf(method: DescMethod, { req, query }: Exchange): TapinError | null {
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const allowed = readOnly ? ["GET", "POST"] : ["POST"];
  if (!allowed.includes(req.method ?? "")) {
    return new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", allowed.join(", ")]] });
  }
  if (req.method === "GET") {
    // A GET has no body, yet connect-node would choose the protocol by the type of one.
    delete req.headers["content-type"];
    return getRefusalOf(query);
  }
  if (method.methodKind === "bidi_streaming" && req.httpVersionMajor < 2) {
    return new TapinError("UNIMPLEMENTED", { sentence: "This RPC streams both ways: use HTTP/2." });
  }
  const type = bareType(headerOf(req, "content-type") ?? "");
  const connectTypes = method.methodKind === "unary" ? UNARY_TYPES : STREAM_TYPES;
  const types = [...connectTypes, ...GRPC_TYPES.map((name) => `application/${name}`)];
  if (type !== null && types.includes(type)) {
    // connect-node knows one spelling of parameters, and answers any other with an empty body.
    req.headers["content-type"] = type;
    return null;
  }
  return new TapinError("UNSUPPORTED_MEDIA_TYPE", {
    headers: [["accept-post", types.join(", ")]],
  });
}

/** The type without its parameters; null when they name another character set than that of JSON. */
function bareType(contentType: string): string | null {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset.trim());
  return isUtf8 ? type.trim() : null;
}

/** A Connect GET carries its message in the query (Connect protocol, Unary-Get-Request). */
function getRefusalOf(query: string): TapinError | null {
  const encoding = new URLSearchParams(query).get("encoding");
  if (encoding === "json" || encoding === "proto") return null;
  return new TapinError("UNSUPPORTED_MEDIA_TYPE", {
    sentence: "A GET needs encoding=json or encoding=proto, and message, in its query.",
  });
}
