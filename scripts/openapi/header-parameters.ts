// The request headers that operations honour.

import type { Schema } from "./json-schema.ts";

const IDEMPOTENCY_KEY: Schema = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[!-~][ -~]*$" },
};

const REPEATED = {
  ...IDEMPOTENCY_KEY,
  description:
    "Makes the call safe to repeat: within 60 s the same key with the same body gets the same answer, and with another body `conflict`.",
};

const READER = {
  ...IDEMPOTENCY_KEY,
  description:
    "Who reads, for a caller with an API key: calls with the same key are one recipient of the code, so that a lost answer can be read again.",
};

const LAST_EVENT_ID: Schema = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  description:
    "Resume, as a browser's EventSource does it: the `id` of the last event seen. It counts more than `after_sequence`; one that is not a number is passed over.",
  schema: { type: "string" },
};

const OWN: Readonly<Record<string, readonly Schema[]>> = {
  createSession: [REPEATED],
  verifyCode: [REPEATED],
  getSessionStatus: [READER],
  watchSession: [READER, LAST_EVENT_ID],
};

/** Parameters that every operation takes, by component name. */
export const SHARED_PARAMETERS: Readonly<Record<string, Schema>> = {
  "X-Request-Id": {
    name: "X-Request-Id",
    in: "header",
    required: false,
    description:
      "An id of your own for the call, for the answer and for the log. One that does not fit is replaced.",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" },
  },
};

/** The header parameters of an operation. */
export function headerParameters(operationId: string): readonly Schema[] {
  return [...(OWN[operationId] ?? []), { $ref: "#/components/parameters/X-Request-Id" }];
}
