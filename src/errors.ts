// Every error Tapin tells a caller about: the reason, and the one table that says what each reason
// means on the wire. The converters live in src/server; this file knows no protocol library.

/** Codes of gRPC and Connect, as both spell them. */
export type RpcCode =
  | "canceled"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "unauthenticated";

/** What one reason means on the wire. */
export interface ErrorMeaning {
  /** Code of RPC callers. */
  readonly rpc: RpcCode;
  /** HTTP status of REST callers. */
  readonly http: number;
  /** True when the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Safe sentence for people; used when the thrower gives none. */
  readonly sentence: string;
}

function meaning(rpc: RpcCode, http: number, retryable: boolean, sentence: string): ErrorMeaning {
  return { rpc, http, retryable, sentence };
}

/** The table: reason -> RPC code, HTTP status, retryable, sentence (contract section 2). */
export const ERRORS = {
  VALIDATION_FAILED: meaning("invalid_argument", 400, false, "The request is not valid."),
  CODE_INVALID: meaning("failed_precondition", 400, false, "The code is not valid."),
  REDIRECT_URI_INVALID: meaning(
    "invalid_argument",
    400,
    false,
    "The redirect_uri is not on the project's allowlist.",
  ),
  UNAUTHORIZED: meaning("unauthenticated", 401, false, "The credentials are missing or not valid."),
  FORBIDDEN: meaning("permission_denied", 403, false, "This is not allowed."),
  SESSION_NOT_FOUND: meaning("not_found", 404, false, "There is no such session."),
  PROJECT_NOT_FOUND: meaning("not_found", 404, false, "There is no such project."),
  NOT_FOUND: meaning("not_found", 404, false, "There is nothing here."),
  CONFLICT: meaning("already_exists", 409, false, "This conflicts with something that exists."),
  RATE_LIMITED: meaning("resource_exhausted", 429, true, "Too many requests. Try again later."),
  INTERNAL: meaning("internal", 500, false, "Something went wrong on our side."),
  UNAVAILABLE: meaning("unavailable", 503, true, "The service cannot answer now. Try again."),
  DEADLINE_EXCEEDED: meaning("deadline_exceeded", 504, true, "The answer took too long."),
  METHOD_NOT_ALLOWED: meaning(
    "unimplemented",
    405,
    false,
    "This address does not take the method.",
  ),
  NOT_ACCEPTABLE: meaning("invalid_argument", 406, false, "No format in Accept can be produced."),
  BODY_TOO_LARGE: meaning("resource_exhausted", 413, false, "The body is too large."),
  URI_TOO_LONG: meaning("resource_exhausted", 414, false, "The URL is too long."),
  UNSUPPORTED_MEDIA_TYPE: meaning("invalid_argument", 415, false, "The body's format is not read."),
  HEADERS_TOO_LARGE: meaning("resource_exhausted", 431, false, "The headers are too large."),
  UNIMPLEMENTED: meaning("unimplemented", 501, false, "This is not implemented."),
  CANCELED: meaning("canceled", 499, false, "The caller cancelled."),
} as const satisfies Record<string, ErrorMeaning>;

/** Machine-readable cause of an error; the proto enum `ErrorReason` has the same names. */
export type Reason = keyof typeof ERRORS;

/** One field that breaks a rule. */
export interface Violation {
  /** Path of the field in proto names, such as `client.ip`. */
  readonly field: string;
  /** What is wrong, to be read after the field's name. */
  readonly message: string;
}

/** What a thrower may add. */
export interface TapinErrorOptions {
  /** Safe sentence instead of the table's. */
  readonly sentence?: string;
  /** The fields at fault, for VALIDATION_FAILED. */
  readonly violations?: readonly Violation[];
  /** Seconds to wait, sent as `Retry-After` and `RetryInfo`. */
  readonly retryAfterSeconds?: number;
  /** Extra HTTP response headers, such as `Allow`. */
  readonly headers?: readonly (readonly [string, string])[];
  /** What happened underneath: logged, never sent. */
  readonly cause?: unknown;
  /**
   * The reason for the log and the figures, where a protocol has the caller told one that blames
   * the wrong side.
   */
  readonly recordedAs?: Reason;
}

/** The one error type of Tapin. Anything else that reaches the pipeline becomes INTERNAL. */
export class TapinError extends Error {
  /** Machine-readable cause. */
  readonly reason: Reason;
  /** The fields at fault; empty when it is not about fields. */
  readonly violations: readonly Violation[];
  /** Seconds to wait, or null. */
  readonly retryAfterSeconds: number | null;
  /** Extra HTTP response headers. */
  readonly headers: readonly (readonly [string, string])[];
  /** The reason as the log and the figures have it. */
  readonly recordedAs: Reason;

  constructor(reason: Reason, options: TapinErrorOptions = {}) {
    super(options.sentence ?? ERRORS[reason].sentence, { cause: options.cause });
    this.name = "TapinError";
    this.reason = reason;
    this.violations = options.violations ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.headers = options.headers ?? [];
    this.recordedAs = options.recordedAs ?? reason;
  }

  /** What the reason means on the wire. */
  get meaning(): ErrorMeaning {
    return ERRORS[this.reason];
  }
}
