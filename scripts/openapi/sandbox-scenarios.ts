// The examples of SandboxService.

import { EXAMPLE, errorAnswer, type Scenario, type Scenarios } from "./scenario.ts";

const user_id = "4711";
const channel = "telegram";
const actor = { channel, user_id };

const START = {
  message_id: "1001",
  from: "user",
  text: `/start auths_${EXAMPLE.sessionId}`,
  buttons: [],
};
const PROMPT = {
  message_id: "1002",
  from: "bot",
  text: [
    "Sign in to My Shop?\nSite: shop.example.com",
    "Request made just now",
    "Only confirm if you opened this page yourself.",
    "You will also receive notifications. Send /stop to turn them off.",
  ].join("\n\n"),
  buttons: [{ label: "Login" }, { label: "Cancel" }],
};
const DONE = {
  ...PROMPT,
  text: "My Shop\nConfirmed. Return to the page with the QR code, or continue on the site here:",
  buttons: [
    {
      label: "Go to website",
      url: `https://shop.example.com/callback?code=${EXAMPLE.code}&state=browser_session_abc`,
    },
  ],
};
const HELLO = { message_id: "1003", from: "user", text: "hello", buttons: [] };
const HELP = {
  message_id: "1004",
  from: "bot",
  text: [
    "Open the sign-in link on the site to continue.",
    "/lang changes the language, /stop turns notifications off, /help shows this message.",
  ].join("\n"),
  buttons: [],
};

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
      body: { ...actor, message_id: "1002", label: "Login" },
      answer: { messages: [START, DONE] },
    }),
    act("not_found", "No such button", {
      body: { ...actor, message_id: "1002", label: "Buy" },
      status: 404,
      answer: errorAnswer("not_found", "The message has no such button (any more)."),
    }),
  ],
  sendText: [
    act("help", "The bot helps", {
      body: { ...actor, text: "hello" },
      answer: { messages: [START, PROMPT, HELLO, HELP] },
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
      answer: errorAnswer("not_found", "This person has no chat with the bot."),
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
