// The sandbox service as the chat page calls it: plain REST, the same that anybody can call. What
// the answers mean for the page is decided in chat.ts.

import type { PagePerson } from "./chat-person.ts";

/** A button under a message, as the service sends it. */
export interface ServiceButton {
  readonly label: string;
  readonly url?: string;
}

/** A message, as the service sends it. */
export interface ServiceMessage {
  readonly message_id: string;
  readonly from: "bot" | "user";
  readonly text: string;
  readonly buttons: readonly ServiceButton[];
}

/** A refusal of the service; the message is its sentence, `status` the HTTP status. */
export class ServiceProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Reply {
  readonly messages?: readonly ServiceMessage[];
  readonly error?: string;
}

/**
 * The service, for one channel. Every call resolves to the chat, and rejects with ServiceProblem or
 * a network error.
 */
export interface ChatService {
  open(link: string, person: PagePerson): Promise<readonly ServiceMessage[]>;
  tap(userId: string, messageId: string, label: string): Promise<readonly ServiceMessage[]>;
  say(userId: string, text: string): Promise<readonly ServiceMessage[]>;
  block(userId: string, blocked: boolean): Promise<readonly ServiceMessage[]>;
  chat(userId: string): Promise<readonly ServiceMessage[]>;
}

async function readReply(response: Response): Promise<readonly ServiceMessage[]> {
  const reply = (await response.json()) as Reply;
  if (!response.ok) {
    throw new ServiceProblem(response.status, reply.error ?? response.statusText);
  }
  return reply.messages ?? [];
}

function serviceUser(person: PagePerson): object {
  const { id, firstName, lastName, username, language } = person;
  return {
    id,
    first_name: firstName,
    ...(lastName && { last_name: lastName }),
    ...(username && { username }),
    lang: language,
  };
}

/** The service under `root`, which ends with `/`. */
export function chatService(root: URL, channel: string): ChatService {
  async function post(path: string, body: object): Promise<readonly ServiceMessage[]> {
    const response = await fetch(new URL(path, root), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return readReply(response);
  }
  return {
    open: (link, person) => post("open", { link, user: serviceUser(person) }),
    tap: (userId, messageId, label) =>
      post("tap", { channel, user_id: userId, message_id: messageId, label }),
    say: (userId, text) => post("text", { channel, user_id: userId, text }),
    block: (userId, blocked) => post("block", { channel, user_id: userId, blocked }),
    async chat(userId) {
      const path = `chats/${channel}/${userId}`;
      return readReply(await fetch(new URL(path, root), { cache: "no-store" }));
    },
  };
}
