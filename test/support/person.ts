// A person in the pretend Telegram or MAX, driven through the REST form of SandboxService.

import { randomInt } from "node:crypto";
import { restFetch } from "./rest-client.ts";

/** A bubble of the chat. */
export interface Bubble {
  readonly message_id: string;
  readonly from: "bot" | "user";
  readonly text: string;
  readonly buttons: readonly { readonly label: string; readonly url?: string }[];
}

/** Who the person is; what is left out they do not have. */
export interface Who {
  readonly id: string;
  readonly first_name: string;
  readonly last_name?: string;
  readonly username?: string;
  readonly lang?: string;
}

/**
 * What a person can do. Each answers with the newest bubble once the bot has reacted; refusals
 * reject.
 */
export interface Person {
  readonly id: string;
  /** Opens a deep link and taps START. */
  open(link: string | null): Promise<Bubble>;
  /** Taps a button of the newest bubble, or of that message. */
  tap(label: string, messageId?: string): Promise<Bubble>;
  type(text: string): Promise<Bubble>;
  block(blocked: boolean): Promise<void>;
  /** Takes other names; known to the messenger from the next link on. */
  rename(change: Partial<Who>): void;
  chat(): Promise<readonly Bubble[]>;
  /** The bubble as it is now. */
  bubble(messageId: string): Promise<Bubble>;
  /** Opens the link and taps Login: the bubble with the code. */
  logIn(link: string | null): Promise<Bubble>;
}

/** A person to be made: in Telegram unless told otherwise. */
export interface PersonInput extends Partial<Who> {
  readonly channel?: "telegram" | "max";
}

/** Makes a person nobody has met. Speaks English unless told otherwise. */
export function makePerson(
  url: string,
  { channel = "telegram", ...who }: PersonInput = {},
): Person {
  let profile: Who = { id: String(randomInt(1, 2 ** 47)), first_name: "John", lang: "en", ...who };
  const { id } = profile;
  const actor = { channel, user_id: id };
  const send = async (path: string, body?: object): Promise<readonly Bubble[]> => {
    const call = body === undefined ? {} : { method: "POST", body };
    const response = await restFetch(`${url}/v1/sandbox/${path}`, call);
    const answer = (await response.json()) as { messages: readonly Bubble[] };
    if (!response.ok) throw new Error(`sandbox: ${JSON.stringify(answer)}`);
    return answer.messages;
  };
  const chat = () => send(`chats/${channel}/${id}`);
  const person: Person = {
    id,
    open: async (link) => newest(await send("open", { link: link ?? "", user: profile })),
    async tap(label, messageId) {
      const message_id = messageId ?? newest(await chat()).message_id;
      return newest(await send("tap", { ...actor, message_id, label }));
    },
    type: async (text) => newest(await send("text", { ...actor, text })),
    async block(blocked) {
      await send("block", { ...actor, blocked });
    },
    rename(change) {
      profile = { ...profile, ...change };
    },
    chat,
    async bubble(messageId) {
      const found = (await chat()).find(({ message_id }) => message_id === messageId);
      if (found === undefined) throw new Error(`no message ${messageId}`);
      return found;
    },
    async logIn(link) {
      await person.open(link);
      return await person.tap("Login");
    },
  };
  return person;
}

/** The labels under a bubble, in order. */
export function labelsOf({ buttons }: Bubble): readonly string[] {
  return buttons.map(({ label }) => label);
}

/** The address behind "Go to website". */
export function websiteOf({ buttons }: Bubble): URL {
  const url = buttons.find(({ url }) => url !== undefined)?.url;
  if (url === undefined) throw new Error("the message has no button with a URL");
  return new URL(url);
}

/** The code in "Go to website". */
export function codeOf(bubble: Bubble): string {
  return websiteOf(bubble).searchParams.get("code") ?? "";
}

function newest(messages: readonly Bubble[]): Bubble {
  const last = messages.at(-1);
  if (last === undefined) throw new Error("the chat is empty");
  return last;
}
