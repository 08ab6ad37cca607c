// The error answers of the document: the envelope, one response for each status, and which reasons
// a call may meet because of how it is served, whatever it does.

import { parseConfig } from "../../src/config.ts";
import { ERRORS, type Reason } from "../../src/errors.ts";
import type { Access } from "../../src/server/operation.ts";
import type { Schema } from "./json-schema.ts";
import { EXAMPLE, errorAnswer } from "./scenario.ts";

/** What a reason means, by its lower-case name. */
export type ReasonTexts = ReadonlyMap<string, string>;

/** What decides which errors a call may meet. */
export interface ServedAs {
  readonly access: Access;
  readonly hasBody: boolean;
  readonly isStream: boolean;
}

/** The reasons that every call served like this may meet. */
export function reasonsOf({ access, hasBody, isStream }: ServedAs): readonly string[] {
  return [
    "validation_failed",
    ...(access === "anybody" ? [] : ["unauthorized", "rate_limited"]),
    ...(access === "admin" ? ["forbidden"] : []),
    ...(hasBody ? ["unsupported_media_type"] : []),
    ...["not_acceptable", "body_too_large", "uri_too_long", "headers_too_large"],
    ...["internal", "unavailable"],
    // A stream lasts as long as its session.
    ...(isStream ? [] : ["deadline_exceeded"]),
  ];
}

/** The HTTP status of a reason. Throws when there is no such reason. */
export function statusOf(reason: string): number {
  const name = reason.toUpperCase();
  if (!(name in ERRORS)) throw new Error(`there is no reason ${reason}`);
  return ERRORS[name as Reason].http;
}

const text = { type: "string" };

/** The schema of every error's body. */
export function envelopeSchema(reasons: ReasonTexts): Schema {
  const list = [...reasons].map(([name, meaning]) => `- \`${name}\`: ${meaning}`);
  const violation = {
    type: "object",
    properties: {
      field: {
        ...text,
        description: "Path of the field, such as `client.ip`, or name of the header.",
      },
      message: { ...text, description: "What is wrong, to be read after the field's name." },
    },
    required: ["field", "message"],
  };
  return {
    type: "object",
    description: "Body of every error, whatever its status.",
    properties: {
      error: { ...text, description: "A sentence for people. It may change." },
      code: {
        ...text,
        enum: [...reasons.keys()],
        description: `The reason, to switch on:\n\n${list.join("\n")}`,
      },
      retryable: {
        type: "boolean",
        description: "Whether the same call, unchanged, may succeed later.",
      },
      request_id: {
        ...text,
        description: "The `x-request-id` of this answer: it leads to the log.",
      },
      violations: {
        type: "array",
        items: violation,
        minItems: 1,
        description: "The fields at fault; absent when it is not about fields.",
      },
    },
    required: ["error", "code", "retryable", "request_id"],
  };
}

/** What callers are told of their budget, where one is kept for them. */
export const LIMIT_HEADERS: Schema = {
  RateLimit: { $ref: "#/components/headers/RateLimit" },
  "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" },
};

const HEADERS: Readonly<Record<number, Schema>> = {
  401: { "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } },
  429: { "Retry-After": { $ref: "#/components/headers/Retry-After" }, ...LIMIT_HEADERS },
};

/** A response with one status. `reasons` maps each reason it may carry to what it means here. */
export function errorResponse(
  status: number,
  reasons: ReasonTexts,
  examples: Readonly<Record<string, Schema>> = {},
): Schema {
  const list = [...reasons].map(([name, meaning]) => `- \`${name}\`: ${meaning}`);
  const code = { properties: { code: { enum: [...reasons.keys()] } } };
  return {
    description: list.join("\n"),
    headers: { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" }, ...HEADERS[status] },
    content: {
      "application/json": {
        schema: { allOf: [{ $ref: "#/components/schemas/Error" }, code] },
        ...(Object.keys(examples).length > 0 && { examples }),
      },
    },
  };
}

/**
 * A response that calls share: its name, its only reason, and an example where one can be shown.
 */
interface SharedError {
  readonly name: string;
  readonly reason: Reason;
  readonly remark?: string;
  readonly sentence?: string;
}

const { bodyBytes, headBytes, urlBytes } = parseConfig({}).sizes;

const SHARED: readonly SharedError[] = [
  { name: "Unauthorized", reason: "UNAUTHORIZED", sentence: ERRORS.UNAUTHORIZED.sentence },
  {
    name: "NotAcceptable",
    reason: "NOT_ACCEPTABLE",
    sentence: "This method answers with application/json only.",
  },
  {
    name: "BodyTooLarge",
    reason: "BODY_TOO_LARGE",
    remark: `The limit is ${bodyBytes} bytes, unless the operator sets another.`,
    sentence: `The body is larger than ${bodyBytes} bytes.`,
  },
  {
    name: "UriTooLong",
    reason: "URI_TOO_LONG",
    remark: `The limit is ${urlBytes} bytes, unless the operator sets another.`,
    sentence: ERRORS.URI_TOO_LONG.sentence,
  },
  {
    name: "UnsupportedMediaType",
    reason: "UNSUPPORTED_MEDIA_TYPE",
    sentence: "The content type must be application/json, in UTF-8.",
  },
  { name: "RateLimited", reason: "RATE_LIMITED", sentence: ERRORS.RATE_LIMITED.sentence },
  {
    name: "HeadersTooLarge",
    reason: "HEADERS_TOO_LARGE",
    remark: `The limit is ${headBytes} bytes, unless the operator sets another.`,
  },
  { name: "Internal", reason: "INTERNAL" },
  { name: "Unavailable", reason: "UNAVAILABLE" },
  { name: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" },
];

/** The responses that calls share, by name. */
export function sharedResponses(texts: ReasonTexts): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    SHARED.map(({ name, reason, remark, sentence }) => {
      const code = reason.toLowerCase();
      const meaning = [texts.get(code), remark].filter((part) => part !== undefined).join(" ");
      const example = { summary: meaning, value: errorAnswer(code, sentence ?? "") };
      const examples = sentence === undefined ? {} : { [code]: example };
      return [name, errorResponse(ERRORS[reason].http, new Map([[code, meaning]]), examples)];
    }),
  );
}

/** The status of a shared response. Throws when there is none of this name. */
export function sharedStatusOf(name: string): string {
  const shared = SHARED.find((each) => each.name === name);
  if (shared === undefined) throw new Error(`there is no shared response ${name}`);
  return String(ERRORS[shared.reason].http);
}

/** The reference to the shared response with this one reason; undefined when there is none. */
export function sharedResponseOf(reason: string): Schema | undefined {
  const shared = SHARED.find((each) => each.reason.toLowerCase() === reason);
  return shared && { $ref: `#/components/responses/${shared.name}` };
}

/** Headers that answers carry. */
export const RESPONSE_HEADERS: Readonly<Record<string, Schema>> = {
  "X-Request-Id": {
    description: "Identifies the call in the log: the caller's own id, or a new one.",
    required: true,
    schema: text,
    example: EXAMPLE.requestId,
  },
  "WWW-Authenticate": {
    description: "The challenge (RFC 6750 section 3).",
    required: true,
    schema: text,
    example: 'Bearer realm="tapin"',
  },
  RateLimit: {
    description:
      "What is left of the caller's budget: its name, `r` calls, and `t` seconds until it is full again (draft-ietf-httpapi-ratelimit-headers). Absent where no budget is kept.",
    required: false,
    schema: text,
    example: '"requests";r=5999;t=60',
  },
  "RateLimit-Policy": {
    description: "The budget: its name, and `q` calls in `w` seconds.",
    required: false,
    schema: text,
    example: '"requests";q=6000;w=60',
  },
  "Retry-After": {
    description: "Seconds to wait.",
    required: true,
    schema: { type: "integer", minimum: 1 },
    example: 12,
  },
};
