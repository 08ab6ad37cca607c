// The examples of AuthService.

import { EXAMPLE, errorAnswer, type Scenario, type Scenarios } from "./scenario.ts";

const { sessionId, telegramBot, maxBot, watchToken } = EXAMPLE;
const session_id = sessionId;

const CREATED = {
  session_id,
  telegram_link: `${telegramBot}?start=auths_${sessionId}`,
  max_link: `${maxBot}?start=auths_${sessionId}`,
  expires_in: 300,
  interval: 2,
  watch_token: watchToken,
};

const SESSION_NOT_FOUND: Scenario = {
  name: "session_not_found",
  summary: "No such session, or another project's",
  credentials: "apiKey",
  parameters: { session_id: EXAMPLE.unknownSessionId },
  status: 404,
  answer: errorAnswer("session_not_found", "There is no such session."),
};

const PROFILE = {
  channel: "telegram",
  first_name: "John",
  username: "johndoe",
  avatar_url: null,
  subscriber_id: EXAMPLE.subscriberId,
  lang: "en",
  tags: [],
  state: "browser_session_abc",
};

const MESSAGES = [
  { status: "pending", opened: false, sequence: 1 },
  { status: "pending", opened: true, sequence: 2 },
  { status: "completed", code: EXAMPLE.code, opened: true, sequence: 3 },
].map((message) => JSON.stringify(message));

const EVENTS = MESSAGES.map((data, index) => `id: ${index + 1}\nevent: status\ndata: ${data}\n\n`);

const CODE_INVALID = errorAnswer("code_invalid", "The code is not valid.");

/** The examples of AuthService. */
export const AUTH_SCENARIOS: Scenarios = {
  getLink: [
    {
      name: "links",
      summary: "The links of a project with both bots",
      credentials: "apiKey",
      status: 200,
      answer: {
        telegram_link: `${telegramBot}?start=auth_${EXAMPLE.slug}`,
        max_link: `${maxBot}?start=auth_${EXAMPLE.slug}`,
        configured: true,
      },
    },
  ],
  createSession: [
    {
      name: "session",
      summary: "A session with a state of the website's own",
      credentials: "apiKey",
      body: { state: "browser_session_abc" },
      status: 200,
      answer: CREATED,
    },
    {
      name: "match_code",
      summary: "With a match code, and the browser that asks",
      credentials: "apiKey",
      body: {
        state: "browser_session_abc",
        match_code: true,
        client: { ip: "203.0.113.7", user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" },
      },
      status: 200,
      answer: { ...CREATED, match_code: "42" },
    },
    {
      name: "pkce",
      summary: "With a PKCE challenge: VerifyCode then wants the verifier",
      credentials: "apiKey",
      body: { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" },
      status: 200,
      answer: CREATED,
    },
    {
      name: "validation_failed",
      summary: "A field that breaks a rule",
      credentials: "apiKey",
      body: { state: "two words" },
      status: 400,
      answer: errorAnswer("validation_failed", "The request is not valid.", {
        state: "must be 1-128 printable ASCII characters without space, <, > and &",
      }),
    },
    {
      name: "redirect_uri_invalid",
      summary: "A redirect_uri that the project has not registered",
      credentials: "apiKey",
      body: { redirect_uri: "https://elsewhere.example/login" },
      status: 400,
      answer: errorAnswer(
        "redirect_uri_invalid",
        "The redirect_uri is not on the project's allowlist.",
      ),
    },
    {
      name: "conflict",
      summary: "An idempotency key that came with another body before",
      credentials: "apiKey",
      parameters: { "Idempotency-Key": "login-4711" },
      body: { state: "another_session" },
      status: 409,
      answer: errorAnswer("conflict", "This Idempotency-Key was used with another request."),
    },
  ],
  getSessionStatus: [
    status("pending", "The person has not decided yet", { status: "pending" }),
    status("completed", "The person approved: this reader gets the code", {
      status: "completed",
      code: EXAMPLE.code,
    }),
    status("expired", "Too late, or the code went to another reader", { status: "expired" }),
    status("cancelled", "The person or the website cancelled", { status: "cancelled" }),
    SESSION_NOT_FOUND,
  ],
  watchSession: [
    {
      name: "events",
      summary: "From the beginning to the code, as server-sent events",
      credentials: "watchToken",
      parameters: { session_id },
      status: 200,
      mediaType: "text/event-stream",
      answer: `retry: 2000\n\n${EVENTS.join("")}event: end\ndata: {}\n\n`,
    },
    {
      name: "lines",
      summary: "The same as newline-delimited JSON",
      credentials: "watchToken",
      parameters: { session_id },
      status: 200,
      mediaType: "application/x-ndjson",
      answer: `${MESSAGES.join("\n")}\n`,
    },
    {
      name: "resumed",
      summary: "Resumed after the first message",
      credentials: "watchToken",
      parameters: { session_id, "Last-Event-ID": "1" },
      status: 200,
      mediaType: "text/event-stream",
      answer: `retry: 2000\n\n${EVENTS.slice(1).join("")}event: end\ndata: {}\n\n`,
    },
    SESSION_NOT_FOUND,
  ],
  cancelSession: [
    {
      name: "cancelled",
      summary: "The session has ended",
      credentials: "watchToken",
      parameters: { session_id },
      status: 200,
      answer: { status: "cancelled" },
    },
    SESSION_NOT_FOUND,
  ],
  verifyCode: [
    {
      name: "profile",
      summary: "Who signed in",
      credentials: "apiKey",
      body: { code: EXAMPLE.code },
      status: 200,
      answer: PROFILE,
    },
    {
      name: "pkce",
      summary: "With the verifier of the session's challenge",
      credentials: "apiKey",
      body: {
        code: EXAMPLE.code,
        code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
      },
      status: 200,
      answer: { ...PROFILE, username: null, state: null },
    },
    {
      name: "code_invalid",
      summary: "A code that is unknown, expired or used",
      credentials: "apiKey",
      body: { code: "used-or-made-up" },
      status: 400,
      answer: CODE_INVALID,
    },
    {
      name: "conflict",
      summary: "An idempotency key that came with another body before",
      credentials: "apiKey",
      parameters: { "Idempotency-Key": "verify-4711" },
      body: { code: EXAMPLE.code },
      status: 409,
      answer: errorAnswer("conflict", "This Idempotency-Key was used with another request."),
    },
  ],
};

function status(name: string, summary: string, answer: object): Scenario {
  const parameters = { session_id };
  return { name, summary, credentials: "apiKey", parameters, status: 200, answer };
}
