// The examples of SandboxService.

import { EXAMPLE, errorAnswer, type Scenario, type Scenarios } from "./scenario.ts";

const user_id = "4711";
const channel = "telegram";
const actor = { channel, user_id };

const START = {
  message_id: "1",
  from: "user",
  text: `/start auths_${EXAMPLE.sessionId}`,
  buttons: [],
};
const PROMPT = {
  message_id: "2",
  from: "bot",
  text: "",
  buttons: [{ label: "Login" }, { label: "Cancel" }],
};
const DONE = { ...PROMPT, text: "", buttons: [] };
const HI = { message_id: "3", from: "user", text: "hello", buttons: [] };
const HELP = { message_id: "4", from: "bot", text: "", buttons: [] };

const NO_CHAT = errorAnswer("not_found", "There is nothing here.");

/** The examples of SandboxService. */
export const SANDBOX_SCENARIOS: Scenarios = {
  openLink: [
    act("prompt", "The bot asks the person", {
      body: {
        link: `${EXAMPLE.telegramBot}?start=auths_${EXAMPLE.sessionId}`,
        user: { id: user_id, first_name: "John", username: "johndoe", lang: "en" },
      },
      answer: { messages: [START, PROMPT] },
    }),
  ],
  tapButton: [
    act("done", "The login is done", {
      body: { ...actor, message_id: "2", label: "Login" },
      answer: { messages: [START, DONE] },
    }),
    act("not_found", "No such button", {
      body: { ...actor, message_id: "2", label: "Buy" },
      status: 404,
      answer: NO_CHAT,
    }),
  ],
  sendText: [
    act("help", "The bot helps", {
      body: { ...actor, text: "hello" },
      answer: { messages: [START, PROMPT, HI, HELP] },
    }),
  ],
  setBlocked: [
    act("blocked", "The bot is blocked; the chat stays", {
      body: { ...actor, blocked: true },
      answer: { messages: [START, PROMPT] },
    }),
  ],
  getChat: [
    act("chat", "The chat", { parameters: actor, answer: { messages: [START, PROMPT] } }),
    act("not_found", "This person has no chat", {
      parameters: { channel, user_id: "1" },
      status: 404,
      answer: NO_CHAT,
    }),
  ],
};

function act(
  name: string,
  summary: string,
  rest: Pick<Scenario, "answer"> & Partial<Scenario>,
): Scenario {
  return { name, summary, credentials: "none", status: 200, ...rest };
}
