// Families code mapping, sub-format, compression, and timeouts as headers.

import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect } from "vitest";
import { envelope, json, proto, type WireRequest } from "./wire.ts";
import { hasOne, isPlain, one, type Row, table, type WireCase } from "./wire-case.ts";

/** Connect protocol, Error Codes, and gRPC's status codes: not our table. */
const CODES = [
  ["CANCELED", "canceled", 499, 1],
  ["VALIDATION_FAILED", "invalid_argument", 400, 3],
  ["DEADLINE_EXCEEDED", "deadline_exceeded", 504, 4],
  ["NOT_FOUND", "not_found", 404, 5],
  ["CONFLICT", "already_exists", 409, 6],
  ["FORBIDDEN", "permission_denied", 403, 7],
  ["RATE_LIMITED", "resource_exhausted", 429, 8],
  ["CODE_INVALID", "failed_precondition", 400, 9],
  ["UNIMPLEMENTED", "unimplemented", 501, 12],
  ["INTERNAL", "internal", 500, 13],
  ["UNAVAILABLE", "unavailable", 503, 14],
  ["UNAUTHORIZED", "unauthenticated", 401, 16],
] as const;

const CODE_MAP: readonly WireCase[] = table(
  "code mapping",
  CODES.flatMap(([reason, code, http, grpc]): readonly Row[] => [
    [
      `${code} is HTTP ${http} for Connect`,
      { type: "application/json", body: json({ reason }) },
      code,
      (answer) => {
        expect(answer.status).toBe(http);
        expect(answer.headers["content-type"]).toBe("application/json");
      },
    ],
    [
      `${code} ends a Connect stream that is HTTP 200`,
      { rpc: "ServerStream", type: "application/connect+json", body: envelope(json({ reason })) },
      code,
    ],
    [
      `${code} is ${grpc} for gRPC`,
      { type: "application/grpc", headers: { te: "trailers" }, body: envelope(proto({ reason })) },
      code,
      ({ headers }) => expect(headers["grpc-status"]).toBe(String(grpc)),
    ],
    [
      `${code} is ${grpc} in the trailers of gRPC-Web`,
      { type: "application/grpc-web", body: envelope(proto({ reason })) },
      code,
    ],
  ]),
);

const SUBFORMAT: readonly WireCase[] = table(
  "sub-format",
  (
    [
      ["application/json", "Unary", json(one)],
      ["application/json; charset=utf-8", "Unary", json(one)],
      ["APPLICATION/JSON", "Unary", json(one)],
      ["application/proto", "Unary", proto(one)],
      ["application/connect+json", "ServerStream", envelope(json(one))],
      ["application/connect+proto", "ServerStream", envelope(proto(one))],
      ["application/grpc", "Unary", envelope(proto(one))],
      ["application/grpc+proto", "Unary", envelope(proto(one))],
      ["application/grpc+json", "Unary", envelope(json(one))],
      ["application/grpc", "ServerStream", envelope(proto(one))],
      ["application/grpc+json", "ServerStream", envelope(json(one))],
      ["application/grpc-web", "Unary", envelope(proto(one))],
      ["application/grpc-web+proto", "Unary", envelope(proto(one))],
      ["application/grpc-web+json", "Unary", envelope(json(one))],
      ["application/grpc-web+proto", "ServerStream", envelope(proto(one))],
    ] as const
  ).map(
    ([type, rpc, body]): Row => [
      `${type} for ${rpc} is answered in kind`,
      { rpc, type, body },
      "ok",
      ({ headers }) => {
        const [kind = ""] = type.toLowerCase().split(";");
        const plain = /^application\/grpc(-web)?$/.test(kind) ? `${kind}+proto` : kind;
        expect([kind, plain]).toContain(headers["content-type"]);
      },
    ],
  ),
);

const bomb = "x".repeat(5_000_000);

const COMPRESSION: readonly WireCase[] = table("compression", [
  ...(
    [
      ["gzip", gzipSync],
      ["br", brotliCompressSync],
    ] as const
  ).flatMap(([name, pack]): readonly Row[] => [
    [
      `Connect takes ${name}`,
      { type: "application/json", headers: { "content-encoding": name }, body: pack(json(one)) },
      "ok",
      hasOne,
    ],
    [
      `a Connect stream takes ${name}`,
      {
        rpc: "ServerStream",
        type: "application/connect+json",
        headers: { "connect-content-encoding": name },
        body: envelope(pack(json(one)), 1),
      },
      "ok",
      hasOne,
    ],
    [
      `gRPC takes ${name}`,
      {
        type: "application/grpc",
        headers: { "grpc-encoding": name },
        body: envelope(pack(proto(one)), 1),
      },
      "ok",
    ],
    [
      `gRPC-Web takes ${name}`,
      {
        type: "application/grpc-web",
        headers: { "grpc-encoding": name },
        body: envelope(pack(proto(one)), 1),
      },
      "ok",
    ],
    [
      `Connect: ${name} that grows beyond the limit`,
      {
        type: "application/json",
        headers: { "content-encoding": name },
        body: pack(json({ sentence: bomb })),
      },
      "resource_exhausted",
    ],
    [
      `gRPC: ${name} that grows beyond the limit`,
      {
        type: "application/grpc",
        headers: { "grpc-encoding": name },
        body: envelope(pack(proto({ sentence: bomb })), 1),
      },
      "resource_exhausted",
    ],
  ]),
  [
    "answers are never compressed for Connect",
    {
      type: "application/json",
      headers: { "accept-encoding": "gzip, br" },
      body: json({ data: [Buffer.alloc(5000)] }),
    },
    "ok",
    isPlain,
  ],
  [
    "answers are never compressed for gRPC",
    {
      type: "application/grpc",
      headers: { "grpc-accept-encoding": "gzip" },
      body: envelope(proto({ data: [Buffer.alloc(5000)] })),
    },
    "ok",
    (answer) => expect(answer.text.charCodeAt(0)).toBe(0),
  ],
]);

const connectTimeout = (value: string): WireRequest => ({
  type: "application/json",
  headers: { "connect-timeout-ms": value },
  body: json({ hang: true }),
});
const grpcTimeout = (value: string, hang = true): WireRequest => ({
  type: "application/grpc",
  headers: { "grpc-timeout": value, te: "trailers" },
  body: envelope(proto({ hang })),
});

const TIMEOUTS: readonly WireCase[] = table("timeouts", [
  ...["100n", "100u", "50m", "1S"].map(
    (value): Row => [`grpc-timeout ${value}`, grpcTimeout(value), "deadline_exceeded"],
  ),
  ...["99999999H", "99999999M", "99999999S", "21474836m", "1H"].map(
    (value): Row => [`grpc-timeout ${value} is not now`, grpcTimeout(value, false), "ok"],
  ),
  ...["", "1", "m", "1x", "-1m", "1.5S", "123456789m"].map(
    (value): Row => [
      `grpc-timeout ${JSON.stringify(value)} is no time`,
      grpcTimeout(value, false),
      "invalid_argument",
    ],
  ),
  ["connect-timeout-ms 50", connectTimeout("50"), "deadline_exceeded"],
  ["connect-timeout-ms 0", connectTimeout("0"), "deadline_exceeded"],
  ...["9999999999", "2147483648"].map(
    (value): Row => [
      `connect-timeout-ms ${value} is not now`,
      { ...connectTimeout(value), body: "{}" },
      "ok",
    ],
  ),
  ...["x", "-1", "1.5", "99999999999", "1e3"].map(
    (value): Row => [
      `connect-timeout-ms ${value} is no time`,
      { ...connectTimeout(value), body: "{}" },
      "invalid_argument",
    ],
  ),
]);

/** The cases. */
export const FORMAT_CASES: readonly WireCase[] = [
  ...CODE_MAP,
  ...SUBFORMAT,
  ...COMPRESSION,
  ...TIMEOUTS,
];
