// Every refusal of the pretend Telegram's Bot API, in Telegram's words, over a real socket.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SandboxServer, startSandboxServer } from "./chat-server.ts";

const anna = { id: "4242", firstName: "Анна", lastName: "К", username: "anna_k", lang: "ru" };
const blockedId = 77;
const strangerId = 99;
let server: SandboxServer;
let userMessage = 0;
let botMessage = 0;

beforeAll(async () => {
  server = await startSandboxServer();
  const { telegram } = server.sandbox;
  // Nobody polls here, and when the bot wants no such updates the person's action resolves at once.
  await server.call("getUpdates", { allowed_updates: ["nothing"] });
  userMessage = Number((await telegram.start(anna, "auths_x")).messages[0]?.messageId);
  const sent = await server.call("sendMessage", { chat_id: 4242, text: "prompt" });
  botMessage = (sent.result as { message_id: number }).message_id;
  await telegram.start({ ...anna, id: String(blockedId) }, "");
  await telegram.setBlocked(String(blockedId), true);
  telegram.addPerson({ ...anna, id: String(strangerId) });
});

afterAll(() => server.close());

function inline(...buttons: readonly object[]): object {
  return { reply_markup: { inline_keyboard: [buttons] } };
}

const send = (args: object) => ["sendMessage", { chat_id: 4242, text: "hi", ...args }] as const;
const edit = (args: object) =>
  ["editMessageText", { chat_id: 4242, message_id: botMessage, text: "new", ...args }] as const;

const refusals: readonly [string, () => readonly [string, object], number, string][] = [
  ["no text", () => send({ text: "" }), 400, "Bad Request: message text is empty"],
  ["a blank text", () => send({ text: " \n" }), 400, "Bad Request: text must be non-empty"],
  [
    "a text over 4096 characters",
    () => send({ text: "я".repeat(4097) }),
    400,
    "Bad Request: message is too long",
  ],
  [
    "an edit over 4096 characters",
    () => edit({ text: "я".repeat(4097) }),
    400,
    "Bad Request: MESSAGE_TOO_LONG",
  ],
  ["no chat", () => send({ chat_id: "" }), 400, "Bad Request: chat_id is empty"],
  ["an unknown chat", () => send({ chat_id: 1 }), 400, "Bad Request: chat not found"],
  ["a chat by name", () => send({ chat_id: "@nobody" }), 400, "Bad Request: chat not found"],
  [
    "a person who blocked the bot",
    () => send({ chat_id: blockedId }),
    403,
    "Forbidden: bot was blocked by the user",
  ],
  [
    "a person who never wrote",
    () => send({ chat_id: strangerId }),
    403,
    "Forbidden: bot can't initiate conversation with a user",
  ],
  [
    "button data over 64 bytes",
    () => send(inline({ text: "x", callback_data: "я".repeat(33) })),
    400,
    "Bad Request: BUTTON_DATA_INVALID",
  ],
  [
    "a button that does nothing",
    () => send(inline({ text: "x", callback_data: "" })),
    400,
    "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    "a button without a text",
    () => send(inline({ url: "https://example.org" })),
    400,
    "Bad Request: can't parse inline keyboard button: Can't find field \"text\"",
  ],
  [
    "a kind of button that is not emulated",
    () => send(inline({ text: "x", web_app: { url: "https://example.org" } })),
    400,
    "Bad Request: BUTTON_TYPE_INVALID",
  ],
  [
    "a button URL without a dot",
    () => send(inline({ text: "x", url: "http://localhost:3000/cb" })),
    400,
    "Bad Request: inline keyboard button URL 'http://localhost:3000/cb' is invalid: Wrong HTTP URL",
  ],
  [
    "a button URL of another scheme",
    () => edit(inline({ text: "x", url: "ftp://example.org" })),
    400,
    "Bad Request: inline keyboard button URL 'ftp://example.org' is invalid: Unsupported URL protocol",
  ],
  [
    "a button URL without a host",
    () => send(inline({ text: "x", url: "https:///x" })),
    400,
    "Bad Request: inline keyboard button URL 'https:///x' is invalid: URL host is empty",
  ],
  [
    "a keyboard that is no JSON",
    () => send({ reply_markup: "{" }),
    400,
    "Bad Request: can't parse reply keyboard markup JSON object",
  ],
  [
    "a keyboard that is no object",
    () => send({ reply_markup: [] }),
    400,
    "Bad Request: object expected as reply markup",
  ],
  [
    "a keyboard without rows",
    () => send({ reply_markup: { inline_keyboard: [{ text: "x" }] } }),
    400,
    'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
  ],
  [
    "an edit that changes nothing",
    () => edit({ text: "prompt" }),
    400,
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
  ],
  [
    "an edit of no message",
    () => edit({ message_id: 1 }),
    400,
    "Bad Request: message to edit not found",
  ],
  [
    "an edit of the person's message",
    () => edit({ message_id: userMessage }),
    400,
    "Bad Request: message can't be edited",
  ],
  [
    "an edit of nothing at all",
    () => ["editMessageReplyMarkup", {}],
    400,
    "Bad Request: message identifier is not specified",
  ],
  [
    "a deletion of no message",
    () => ["deleteMessage", { chat_id: 4242, message_id: 1 }],
    400,
    "Bad Request: message to delete not found",
  ],
  [
    "an answer to no query",
    () => ["answerCallbackQuery", { callback_query_id: "1" }],
    400,
    "Bad Request: query is too old and response timeout expired or query ID is invalid",
  ],
  [
    "photos of nobody",
    () => ["getUserProfilePhotos", { user_id: 1 }],
    400,
    "Bad Request: user not found",
  ],
  [
    "photos without a person",
    () => ["getUserProfilePhotos", {}],
    400,
    "Bad Request: invalid user_id specified",
  ],
  [
    "a webhook that is no address",
    () => ["setWebhook", { url: "ftp://x.org" }],
    400,
    "Bad Request: invalid webhook URL specified",
  ],
  [
    "a webhook secret of other characters",
    () => ["setWebhook", { url: "https://x.org", secret_token: "a b" }],
    400,
    "Bad Request: secret token contains unallowed characters",
  ],
  [
    "a webhook secret that is too long",
    () => ["setWebhook", { url: "https://x.org", secret_token: "a".repeat(257) }],
    400,
    "Bad Request: secret token is too long",
  ],
  [
    "a command of other characters",
    () => ["setMyCommands", { commands: [{ command: "Ы", description: "x" }] }],
    400,
    "Bad Request: BOT_COMMAND_INVALID",
  ],
  [
    "a language that is none",
    () => ["getMyCommands", { language_code: "russian" }],
    400,
    "Bad Request: invalid language code specified",
  ],
  ["a method that is none", () => ["sendPigeon", {}], 404, "Not Found"],
];

describe("refusals", () => {
  test.each(refusals)("%s", async (_, call, status, description) => {
    const reply = await server.call(...call());
    expect(reply).toEqual({ status, ok: false, error_code: status, description });
  });
});
