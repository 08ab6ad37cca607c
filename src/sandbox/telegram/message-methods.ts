// The methods of the Bot API that show something in a chat: sending, editing, deleting, answering a
// tap. Checks and their order follow the real server, so that a call with two mistakes is refused
// for the same one.

import { appendMessage, findMessage, removeMessage, replaceMessage } from "../people.ts";
import { characterCount } from "../typed-text.ts";
import type { ApiArguments } from "./api-arguments.ts";
import { badRequest, forbidden } from "./api-error.ts";
import { type InlineKeyboard, readKeyboard } from "./keyboard.ts";
import { checkText } from "./message-text.ts";
import type { Person, StoredMessage } from "./person.ts";
import { fullChatShape, messageShape, type TelegramMessage } from "./shapes.ts";
import type { TelegramState } from "./state.ts";

// https://core.telegram.org/bots/api#answercallbackquery
const ANSWER_TEXT_LIMIT = 200;
const DELETE_LIMIT_SECONDS = 48 * 60 * 60;
const NOT_MODIFIED =
  "message is not modified: specified new message content and reply markup are exactly the same as a current " +
  "content and reply markup of the message";

function readChat(state: TelegramState, args: ApiArguments): Person {
  const chatId = args.text("chat_id");
  if (chatId === "") throw badRequest("chat_id is empty");
  const person = state.people.find(Number(chatId));
  if (person === undefined) throw badRequest("chat not found");
  return person;
}

function readMessageId(args: ApiArguments): number {
  return args.integer("message_id", { fallback: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
}

function readLinkPreviewOptions(args: ApiArguments): object | undefined {
  const options = args.json("link_preview_options", "can't parse link preview options JSON object");
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw badRequest("object expected as link preview options");
  }
  return options;
}

/**
 * https://core.telegram.org/bots/api#sendmessage, plain text to a private chat. 400: no text, text
 * over 4096 characters, a bad button, an unknown chat. 403: the person blocked the bot, or never
 * wrote to it.
 */
export function sendMessage(state: TelegramState, args: ApiArguments): TelegramMessage {
  const linkPreviewOptions = readLinkPreviewOptions(args);
  const text = checkText(args.text("text"), "message is too long");
  const keyboard = readKeyboard(args);
  const person = readChat(state, args);
  if (!person.started) throw forbidden("bot can't initiate conversation with a user");
  if (person.blocked) throw forbidden("bot was blocked by the user");
  if (state.rules.rateLimits) state.limits.take(person.id);
  const message: StoredMessage = {
    id: state.takeMessageId(),
    from: "bot",
    text,
    date: state.nowSeconds(),
    keyboard,
    protectContent: args.flag("protect_content"),
    ...(linkPreviewOptions && { linkPreviewOptions }),
  };
  appendMessage(person, message);
  return messageShape(message, { bot: state.bot, person });
}

function readEdited(
  state: TelegramState,
  args: ApiArguments,
): { person: Person; message: StoredMessage } {
  const messageId = readMessageId(args);
  if (args.text("chat_id") === "" && messageId === 0) {
    throw badRequest("message identifier is not specified");
  }
  const person = readChat(state, args);
  const message = findMessage(person, messageId);
  if (message === undefined) throw badRequest("message to edit not found");
  if (message.from !== "bot") throw badRequest("message can't be edited");
  return { person, message };
}

function applyEdit(
  state: TelegramState,
  { person, message }: { person: Person; message: StoredMessage },
  change: { text: string; keyboard: InlineKeyboard; linkPreviewOptions?: object },
): TelegramMessage {
  const sameButtons = JSON.stringify(change.keyboard) === JSON.stringify(message.keyboard);
  if (change.text === message.text && sameButtons) throw badRequest(NOT_MODIFIED);
  const edited = { ...message, ...change, editDate: state.nowSeconds() };
  replaceMessage(person, edited);
  return messageShape(edited, { bot: state.bot, person });
}

/**
 * https://core.telegram.org/bots/api#editmessagetext. Without `reply_markup` the buttons go. 400 as
 * for sending, and: no such message, a message of the person, nothing changed.
 */
export function editMessageText(state: TelegramState, args: ApiArguments): TelegramMessage {
  const linkPreviewOptions = readLinkPreviewOptions(args);
  const text = checkText(args.text("text"), "MESSAGE_TOO_LONG");
  const keyboard = readKeyboard(args);
  return applyEdit(state, readEdited(state, args), {
    text,
    keyboard,
    ...(linkPreviewOptions && { linkPreviewOptions }),
  });
}

/**
 * https://core.telegram.org/bots/api#editmessagereplymarkup: the buttons alone; without
 * `reply_markup` they go.
 */
export function editMessageReplyMarkup(state: TelegramState, args: ApiArguments): TelegramMessage {
  const keyboard = readKeyboard(args);
  const edited = readEdited(state, args);
  return applyEdit(state, edited, { text: edited.message.text, keyboard });
}

/** https://core.telegram.org/bots/api#deletemessage: either side's message, for 48 h. */
export function deleteMessage(state: TelegramState, args: ApiArguments): true {
  const messageId = readMessageId(args);
  if (args.text("chat_id") === "") throw badRequest("chat identifier is not specified");
  if (messageId === 0) throw badRequest("message identifier is not specified");
  const person = readChat(state, args);
  const message = findMessage(person, messageId);
  if (message === undefined) throw badRequest("message to delete not found");
  if (state.nowSeconds() - message.date > DELETE_LIMIT_SECONDS) {
    throw badRequest("message can't be deleted for everyone");
  }
  removeMessage(person, messageId);
  return true;
}

/**
 * https://core.telegram.org/bots/api#answercallbackquery. 400 when the query is unknown, too old,
 * or answered already. The text of an answer, a passing notice in the real app, is checked and not
 * shown.
 */
export function answerCallbackQuery(state: TelegramState, args: ApiArguments): true {
  const query = state.queries.get(args.text("callback_query_id"));
  if (query === undefined || !state.mayAnswer(query)) {
    throw badRequest("query is too old and response timeout expired or query ID is invalid");
  }
  if (characterCount(args.text("text")) > ANSWER_TEXT_LIMIT) throw badRequest("MESSAGE_TOO_LONG");
  query.answered = true;
  return true;
}

/** https://core.telegram.org/bots/api#getchat for a private chat. */
export function getChat(state: TelegramState, args: ApiArguments): object {
  return fullChatShape(readChat(state, args));
}
