// Hostile requests: valid ones of every dialect, with anything of them broken, and things that were
// never valid.

import { hostileBody } from "./hostile-body.ts";
import type { Field } from "./hpack.ts";
import type { Random } from "./random.ts";

/** Credentials that work, and a session that has ended. */
export interface Known {
  readonly apiKey: string;
  readonly adminToken: string;
  readonly sessionId: string;
  readonly watchToken: string;
}

/** One request, whichever way it is sent. */
export interface HostileRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Without those that frame the request. */
  readonly fields: readonly Field[];
  readonly body: Buffer;
  /** How the length of the body is told. Only the first two leave the connection usable. */
  readonly framing: (typeof FRAMINGS)[number];
}

const FRAMINGS = ["length", "chunked", "none", "too long", "bad chunks", "both", "twice"] as const;

const METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
const ODD_METHODS = ["CONNECT", "get", "", "G E T", "PRI", "\u00ff", "GET\t", "LONG".repeat(50)];
const AUTH_RPCS = [
  "GetLink",
  "CreateSession",
  "GetSessionStatus",
  "WatchSession",
  "CancelSession",
  "VerifyCode",
];
const ADMIN_RPCS = [
  "CreateProject",
  "GetProject",
  "ListProjects",
  "UpdateProject",
  "RevokeApiKey",
  "X",
  "",
];
const OTHER_RPCS = [
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
const RPC_TYPES = [
  "application/json",
  "application/proto",
  "application/grpc",
  "application/grpc+proto",
  "application/grpc+json",
  "application/grpc-web",
  "application/grpc-web+json",
  "application/connect+json",
  "application/connect+proto",
];
const OTHER_TYPES = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "application/json; charset=utf-16",
  "application/json;;;",
  "",
  "*/*",
];
const HOSTS = ["a", "127.0.0.1:80", "[::1]", "A.example"];
const ODD_HOSTS = ["[", "[]", "", "a b", "x:99999999", "user@host", "a/b", "[g::1]", "a\\b", "a,b"];
/** What no HTTP/1.1 parser lets through: it ends the connection, so it is rare. */
const BREAKING = [" ", "\t", "\u0000", "\u007f", "\u00e9", "\u0001"];
/** What goes wrong in texts of any kind. */
const PIECES = [
  ..."%/?#&=;:.,\\\"'<>{}[]|^`~*+",
  "%00",
  "%ff",
  "%2F",
  "%2e%2e",
  "%",
  "%zz",
  "..",
  "//",
  "__proto__",
  "constructor",
  "null",
  "NaN",
  "-1",
  "1e999",
  "9".repeat(30),
  "a".repeat(300),
  "a".repeat(9000),
  "tapin_live_",
  "$(x)",
  "'--",
];
const HEADER_NAMES = [
  "accept",
  "origin",
  "cookie",
  "last-event-id",
  "idempotency-key",
  "x-request-id",
  "traceparent",
  "connect-timeout-ms",
  "grpc-timeout",
  "content-encoding",
  "grpc-encoding",
  "connect-content-encoding",
  "connect-protocol-version",
  "access-control-request-method",
  "accept-encoding",
  "te",
  "expect",
  "upgrade",
  "x-forwarded-for",
  "forwarded",
  "range",
  "if-none-match",
  "grpc-accept-encoding",
  "x-http-method-override",
];
const HEADER_VALUES = [
  "99999999H",
  "0m",
  "-1",
  "1e99",
  "9999999999",
  "00000000000",
  "1m",
  "gzip",
  "br",
  "identity",
  "100-continue",
  "websocket",
  "text/event-stream",
  "application/x-ndjson",
  "*/*;q=0",
  "https://evil.example",
  "null",
  "1",
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "trailers",
  "bytes=0-1",
  "POST",
];

/** The request of this draw. */
export function hostileRequest(random: Random, known: Known): HostileRequest {
  const { method, target, isRpc } = purpose(random, known);
  const oddMethod = random.chance(0.02);
  return {
    method: oddMethod ? random.pick(random.chance(0.5) ? METHODS : ODD_METHODS) : method,
    target: random.chance(0.3) ? mutate(random, target) : target,
    authority: random.chance(0.05) ? random.pick(ODD_HOSTS) : random.pick(HOSTS),
    fields: fieldsOf(random, { known, isRpc }),
    body: method === "GET" && random.chance(0.8) ? Buffer.alloc(0) : hostileBody(random, isRpc),
    framing: random.chance(0.02) ? random.pick(FRAMINGS) : random.pick(["length", "chunked"]),
  };
}

interface Purpose {
  readonly method: string;
  readonly target: string;
  readonly isRpc: boolean;
}

function purpose(random: Random, { sessionId }: Known): Purpose {
  const draw = random.below(100);
  const id = random.chance(0.5) ? sessionId : random.pick(["x", "0".repeat(16), "..", "%00", ""]);
  if (draw < 2) {
    const target = random.pick(OTHER_RPCS);
    return { method: "POST", target, isRpc: true };
  }
  if (draw < 25) {
    const service = random.chance(0.8) ? "auth.v1.AuthService" : "admin.v1.AdminService";
    const rpc = random.pick(service.startsWith("auth") ? AUTH_RPCS : ADMIN_RPCS);
    const isGet = random.chance(0.1);
    const query = isGet
      ? `?connect=v1&encoding=json&message=${random.pick(["{}", "%7B%7D", "x", ""])}`
      : "";
    return {
      method: isGet ? "GET" : "POST",
      target: `/tapin.${service}/${rpc}${query}`,
      isRpc: true,
    };
  }
  const [method = "GET", target = "/"] = random.pick([
    ["GET", "/v1/auth/link"],
    ["POST", "/v1/auth/session"],
    ["GET", `/v1/auth/session/${id}/status`],
    ["GET", `/v1/auth/session/${id}/watch`],
    ["DELETE", `/v1/auth/session/${id}`],
    ["POST", "/v1/auth/verify"],
    ["GET", "/v1/admin/projects?page_size=1"],
    ["POST", "/v1/admin/projects"],
    ["PATCH", `/v1/admin/projects/${id}`],
    ["DELETE", `/v1/admin/projects/demo/keys/${id}`],
    ["GET", "/healthz"],
    ["POST", "/hooks/telegram/x"],
    ["GET", "/metrics"],
    ["GET", "/nowhere"],
    ["OPTIONS", "*"],
    ["GET", "http://elsewhere.example/healthz"],
  ]);
  return { method, target, isRpc: false };
}

function fieldsOf(random: Random, { known, isRpc }: { known: Known; isRpc: boolean }): Field[] {
  const fields: Field[] = [];
  const type = random.chance(0.9)
    ? random.pick(isRpc ? RPC_TYPES : ["application/json"])
    : random.pick(OTHER_TYPES);
  if (random.chance(0.95)) fields.push(["content-type", type]);
  const credentials = bearer(random, known);
  if (credentials !== null) fields.push(["authorization", credentials]);
  while (random.chance(0.4)) {
    const value = random.chance(0.7) ? random.pick(HEADER_VALUES) : mutate(random, "x");
    fields.push([random.pick(HEADER_NAMES), value]);
  }
  if (random.chance(0.01)) fields.push(["x-large", "a".repeat(17_000)]);
  if (random.chance(0.01)) fields.push([mutate(random, "x-odd"), mutate(random, "odd")]);
  return fields;
}

/** Good ones are rare: what comes after them costs a look into the database. */
function bearer(random: Random, known: Known): string | null {
  const draw = random.below(100);
  if (draw < 2) return `Bearer ${known.apiKey}`;
  if (draw < 3) return `Bearer ${known.watchToken}`;
  if (draw < 4) return `Bearer ${known.adminToken}`;
  if (draw < 20) return `Bearer ${mutate(random, known.apiKey)}`;
  if (draw < 25) return mutate(random, "Bearer x");
  return null;
}

/** The text with one to three things put in, left out or repeated. */
function mutate(random: Random, text: string): string {
  let mutated = text;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(mutated.length + 1);
    const cut = random.chance(0.5) ? random.below(4) : 0;
    const piece = random.chance(0.03) ? random.pick(BREAKING) : random.pick(PIECES);
    mutated = mutated.slice(0, at) + piece + mutated.slice(at + cut);
  }
  return mutated;
}
