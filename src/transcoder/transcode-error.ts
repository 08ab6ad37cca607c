// The errors HTTP itself makes before a method is called: routing, negotiation, size, malformed
// input. What a method throws is the caller's own business and passes through untouched.

/** What is wrong with one field of a request. */
export interface FieldViolation {
  /** Path of the field in proto names, such as `client.ip`, `tags[2]` or `labels["a"]`. */
  readonly field: string;
  /** What the field must be, to be read after its name: `must be a string`. */
  readonly message: string;
}

/** Why HTTP refuses a request. Each kind has one status. */
export type TranscodeErrorKind =
  | "method_not_allowed"
  | "not_acceptable"
  | "body_too_large"
  | "unsupported_media_type"
  | "invalid_request";

const statusOfKind: Readonly<Record<TranscodeErrorKind, number>> = {
  method_not_allowed: 405,
  not_acceptable: 406,
  body_too_large: 413,
  unsupported_media_type: 415,
  invalid_request: 400,
};

/**
 * A request that HTTP refuses. The message is a sentence that may be shown to the caller of the
 * API. The HTTP server throws one of kind `body_too_large` from `RestRequest.body`; all others are
 * made here.
 */
export class TranscodeError extends Error {
  override readonly name = "TranscodeError";
  /** Why the request is refused. */
  readonly kind: TranscodeErrorKind;
  /** The HTTP status that belongs to the kind. */
  readonly status: number;
  /** The fields at fault; empty when the fault is not in a field. */
  readonly violations: readonly FieldViolation[];
  /** Headers the response must carry, such as `allow` with a 405 (RFC 9110 section 15.5.6). */
  readonly headers: readonly (readonly [string, string])[];

  constructor(
    kind: TranscodeErrorKind,
    sentence: string,
    details: {
      violations?: readonly FieldViolation[];
      headers?: readonly (readonly [string, string])[];
    } = {},
  ) {
    super(sentence);
    this.kind = kind;
    this.status = statusOfKind[kind];
    this.violations = details.violations ?? [];
    this.headers = details.headers ?? [];
  }
}
