// Family unexpected: what is not as the protocols have it.

import { gzipSync } from "node:zlib";
import { envelope, proto } from "./wire.ts";
import { allows, hasAcceptPost, type Row, table, type WireCase } from "./wire-case.ts";

/** Each protocol's way to send binary messages. */
const ENVELOPED = [
  ["gRPC", "application/grpc+proto", ["Unary", "ServerStream"]],
  ["gRPC-Web", "application/grpc-web+proto", ["Unary", "ServerStream"]],
  ["Connect", "application/connect+proto", ["ServerStream"]],
] as const;

const message = envelope(proto());
const broken = Buffer.from([0x0a, 0x7f, 1]);

/** The cases. */
export const UNEXPECTED_CASES: readonly WireCase[] = table("unexpected", [
  ...ENVELOPED.flatMap(([protocol, type, rpcs]) =>
    rpcs.flatMap((rpc): readonly Row[] => {
      const of = (what: string) => `${protocol} ${rpc}: ${what}`;
      const encoding = protocol === "Connect" ? "connect-content-encoding" : "grpc-encoding";
      const compressed = (name: string) => ({ [encoding]: name });
      const packed = envelope(gzipSync(proto()), 1);
      return [
        [of("no message"), { rpc, type, body: "" }, "unimplemented"],
        [
          of("two messages"),
          { rpc, type, body: Buffer.concat([message, message]) },
          "unimplemented",
        ],
        [of("half a prefix"), { rpc, type, body: message.subarray(0, 3) }, "invalid_argument"],
        [of("half a message"), { rpc, type, body: envelope("x", 0, 9) }, "invalid_argument"],
        [
          of("a length beyond the limit"),
          { rpc, type, body: envelope("x", 0, 2 ** 31) },
          "invalid_argument",
        ],
        [of("no protobuf"), { rpc, type, body: envelope(broken) }, "invalid_argument"],
        [of("compressed, but not said how"), { rpc, type, body: packed }, "internal"],
        [
          of("compressed as nobody knows"),
          { rpc, type, headers: compressed("foo"), body: packed },
          "unimplemented",
        ],
        [
          of("a compression that is not used"),
          { rpc, type, headers: compressed("gzip"), body: message },
          "ok",
        ],
        [of("an unknown field"), { rpc, type, body: envelope(Buffer.from([0xf8, 7, 1])) }, "ok"],
      ];
    }),
  ),
  ...["application/json", "application/proto", "application/grpc", "application/grpc-web"].flatMap(
    (type): readonly Row[] => [
      [`${type}: DELETE`, { verb: "DELETE", type }, "HTTP 405", allows("POST")],
      [`${type}: PUT`, { verb: "PUT", type, body: message }, "HTTP 405", allows("POST")],
      [`${type}: a method that is not there`, { rpc: "Nothing", type, body: message }, "HTTP 404"],
    ],
  ),
  ...[
    null,
    "image/jpeg",
    "text/plain",
    "application/foo",
    "application/grpc+foo",
    "application/grpc-web+foo",
    "application/grpc-web-text",
    "application/connect+json",
    "application/jsonx",
  ].map(
    (type): Row => [`content type ${type}`, { type, body: message }, "HTTP 415", hasAcceptPost],
  ),
  [
    "content type of a stream: application/json",
    { rpc: "ServerStream", type: "application/json", body: "{}" },
    "HTTP 415",
    hasAcceptPost,
  ],
  ["Connect: broken JSON", { type: "application/json", body: '{"data":' }, "invalid_argument"],
  ["Connect: no JSON object", { type: "application/json", body: "[]" }, "invalid_argument"],
  ["Connect: no body at all", { type: "application/json" }, "invalid_argument"],
  [
    "Connect: a wrong type",
    { type: "application/json", body: '{"hang":"yes"}' },
    "invalid_argument",
  ],
  [
    "Connect: half a surrogate pair",
    { type: "application/json", body: '{"hang":"\\ud800"}' },
    "invalid_argument",
  ],
  [
    "gRPC: half a surrogate pair",
    { type: "application/grpc+json", body: envelope('{"hang":"\\ud800"}') },
    "invalid_argument",
  ],
  ["Connect: an unknown field", { type: "application/json", body: '{"later":1}' }, "ok"],
  [
    "Connect: no UTF-8",
    { type: "application/json", body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
    "ok",
  ],
  ["Connect: no protobuf", { type: "application/proto", body: broken }, "invalid_argument"],
  ["Connect: no body is an empty message in binary", { type: "application/proto" }, "ok"],
  [
    "Connect: compressed as nobody knows",
    { type: "application/json", headers: { "content-encoding": "foo" }, body: "{}" },
    "unimplemented",
  ],
  [
    "Connect: said to be gzip, but is not",
    { type: "application/json", headers: { "content-encoding": "gzip" }, body: "{}" },
    "invalid_argument",
  ],
  [
    "Connect: a version of the protocol nobody knows",
    { type: "application/json", headers: { "connect-protocol-version": "9" }, body: "{}" },
    "invalid_argument",
  ],
]);
