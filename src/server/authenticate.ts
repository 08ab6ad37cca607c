// Reads the credentials of a call. They travel only as `Authorization: Bearer ...` (RFC 6750
// section 2.1).

import { authenticateApiKey } from "../actions/authenticate.ts";
import type { Store } from "../core/ports.ts";
import { API_KEY_PREFIX, SECRET_LENGTH, sameSecret, WATCH_TOKEN_PREFIX } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { type Soon, whenThere } from "../transcoder/soon.ts";
import type { Call, Identity } from "./call.ts";
import type { Access } from "./operation.ts";

/** What credentials are checked against. */
export interface Authority {
  readonly store: Store;
  /** Null = AdminService is off. */
  readonly adminToken: string | null;
}

const API_KEY = new RegExp(`^${API_KEY_PREFIX}[A-Za-z0-9]{${SECRET_LENGTH}}$`);
const WATCH_TOKEN = new RegExp(`^${WATCH_TOKEN_PREFIX}[A-Za-z0-9]{${SECRET_LENGTH}}$`);

/** Who calls. Fails with `unauthorized`, or with `forbidden` when the service is switched off. */
export function authenticate(authority: Authority, access: Access, call: Call): Soon<Identity> {
  if (access === "anybody") return { kind: "anybody" };
  const bearer = bearerOf(call.headers.get("authorization"));
  if (access === "admin") return authenticateAdmin(authority, bearer);
  if (bearer !== null && access === "api_key_or_watch_token" && WATCH_TOKEN.test(bearer)) {
    return { kind: "watch_token", token: bearer };
  }
  if (bearer === null || !API_KEY.test(bearer)) throw new TapinError("UNAUTHORIZED");
  return whenThere(authenticateApiKey(authority, bearer), (key) => {
    if (key === null) throw new TapinError("UNAUTHORIZED");
    return { kind: "api_key", ...key };
  });
}

function authenticateAdmin({ adminToken }: Authority, bearer: string | null): Identity {
  if (adminToken === null) {
    throw new TapinError("FORBIDDEN", {
      sentence: "AdminService is off: TAPIN_ADMIN_TOKEN is not set.",
    });
  }
  if (bearer === null || !sameSecret(bearer, adminToken)) throw new TapinError("UNAUTHORIZED");
  return { kind: "admin" };
}

/**
 * The credentials of an `Authorization` header (RFC 6750 section 2.1); null when it has none of
 * this kind.
 */
export function bearerOf(header: string | null): string | null {
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header ?? "")?.[1] ?? null;
}

/**
 * The refusal with its challenge, which an answer of 401 must carry (RFC 9110 section 11.6.1),
 * whoever refused; any other error as it is. The error attribute is left out when no credentials
 * were given (RFC 6750 section 3).
 */
export function withChallenge(error: TapinError, authorization: string | null): TapinError {
  if (error.reason !== "UNAUTHORIZED") return error;
  const isGiven = bearerOf(authorization) !== null;
  const challenge = isGiven
    ? 'Bearer realm="tapin", error="invalid_token"'
    : 'Bearer realm="tapin"';
  const { message: sentence, cause } = error;
  return new TapinError("UNAUTHORIZED", {
    sentence,
    cause,
    headers: [["www-authenticate", challenge]],
  });
}
