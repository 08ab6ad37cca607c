// The methods of the MAX API that show something in a dialog: sending, editing, deleting, answering
// a tap.

import { appendMessage, removeMessage, replaceMessage } from "../people.ts";
import { badRequest, chatDenied, notFound, type SimpleResult } from "./api-error.ts";
import { type MaxCall, readInteger, readRequired } from "./call.ts";
import { type NewMessage, parseCallbackAnswer, parseNewMessage } from "./message-body.ts";
import type { MaxPerson } from "./person.ts";
import { type MaxMessageShape, messageShape } from "./shapes.ts";
import { type FoundMessage, type MaxState, newKeyboardId } from "./state.ts";

const EDIT_LIMIT_MS = 7 * 24 * 60 * 60 * 1000;
const GONE: SimpleResult = { success: false, message: "Message not found" };

function readRecipient({ state, query }: MaxCall): MaxPerson {
  const userId = readInteger(query, "user_id");
  const chatId = readInteger(query, "chat_id");
  if (userId === undefined && chatId === undefined) throw badRequest("user_id or chat_id required");
  const person = chatId === undefined ? state.people.find(userId ?? 0) : state.findByChat(chatId);
  if (person === undefined) throw notFound("Chat not found");
  return person;
}

function checkDialog(person: MaxPerson): void {
  if (person.dialog !== "running") throw chatDenied();
}

/**
 * https://dev.max.ru/docs-api/methods/POST/messages. 400: a bad body, or nothing to show; 403: the
 * person stopped the bot or never started it; 404: an unknown person or dialog; 429: over 2 in a
 * second in the dialog.
 */
export function sendMessage(call: MaxCall): { readonly message: MaxMessageShape } {
  const { state } = call;
  const { text = "", keyboard = [] } = parseNewMessage(call.body);
  const person = readRecipient(call);
  call.concerns(person, { kind: "send" });
  if (text === "" && keyboard.length === 0) throw badRequest("text or attachments required");
  checkDialog(person);
  state.countDialogCall(person);
  const message = state.makeMessage(person, { from: "bot", text, keyboard });
  appendMessage(person, message);
  return { message: messageShape(message, { bot: state.bot, person }) };
}

function applyEdit(
  state: MaxState,
  { person, message }: FoundMessage,
  { text = message.text, keyboard }: NewMessage,
): void {
  const buttons = keyboard ?? message.keyboard;
  if (text === "" && buttons.length === 0) throw badRequest("text or attachments required");
  state.countDialogCall(person);
  const keyboardId = keyboard === undefined ? message.keyboardId : newKeyboardId();
  replaceMessage(person, { ...message, text, keyboard: buttons, keyboardId });
}

/**
 * https://dev.max.ru/docs-api/methods/PUT/messages: `attachments` null or absent keeps the buttons,
 * `[]` removes them. A message that is gone, the person's own, or over 7 days old and without
 * buttons: 200 with `success: false`. Errors as for sending.
 */
export function editMessage(call: MaxCall): SimpleResult {
  const { state } = call;
  const mid = readRequired(call.query, "message_id");
  const change = parseNewMessage(call.body);
  const found = state.findByMid(mid);
  if (found === undefined) return GONE;
  const { person, message } = found;
  call.concerns(person, { kind: "edit" });
  checkDialog(person);
  if (message.from !== "bot") return { success: false, message: "Message can't be edited" };
  const age = state.now() - message.timestamp;
  if (message.keyboard.length === 0 && age > EDIT_LIMIT_MS) {
    return { success: false, message: "Message is too old to be edited" };
  }
  applyEdit(state, found, change);
  return { success: true };
}

/** https://dev.max.ru/docs-api/methods/DELETE/messages: the bot's own messages. */
export function deleteMessage(call: MaxCall): SimpleResult {
  const found = call.state.findByMid(readRequired(call.query, "message_id"));
  if (found === undefined) return GONE;
  const { person, message } = found;
  call.concerns(person, { kind: "edit" });
  if (message.from !== "bot") return { success: false, message: "Message can't be deleted" };
  removeMessage(person, message.id);
  return { success: true };
}

/**
 * https://dev.max.ru/docs-api/methods/POST/answers: edits the message whose button was tapped, and
 * acknowledges. 400 for an empty body, 404 for an unknown `callback_id`; a message that is gone:
 * 200 with `success: false`. A notice is taken and not shown, as reported of the real one
 * (max-messenger/max-bot-api-client-go#130).
 */
export function answerCallback(call: MaxCall): SimpleResult {
  const { state } = call;
  const callbackId = readRequired(call.query, "callback_id");
  const { message: change } = parseCallbackAnswer(call.body);
  const tapped = state.taps.get(callbackId);
  if (tapped === undefined) throw notFound("Callback not found");
  const { person, messageId } = tapped;
  const answer = { kind: "answer", queryId: callbackId } as const;
  call.concerns(person, answer, ...(change === undefined ? [] : [{ kind: "edit" } as const]));
  checkDialog(person);
  if (change === undefined) {
    state.countDialogCall(person);
    return { success: true };
  }
  const found = state.findByMid(messageId);
  if (found === undefined) return GONE;
  applyEdit(state, found, change);
  return { success: true };
}
