// Logins that wait for their tap, made beforehand: a bot may send 25 messages a second, and
// thousands are wanted at once. The rows are what opening a link leaves, and the prompt stands in
// the chat with its button. From the tap on, nothing is different.

import { buttonData } from "../../src/core/prompt.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { queryOnce } from "../../test/support/postgres.ts";
import { sessionIdOf } from "./sessions.ts";

/** A login that waits for the tap. */
export interface OpenLogin {
  readonly userId: string;
  readonly sessionId: string;
  readonly messageId: string;
}

/** Where, and for whom. */
export interface OpenLogins {
  readonly databaseUrl: string;
  readonly projectId: string;
  readonly sandbox: Sandbox;
  /** Number of the first person, above 0; the others follow. */
  readonly first: number;
  readonly count: number;
}

/** Tells these sessions from others. */
const MARK = "r";

/** Makes them, each of somebody who never logged in before. */
export async function makeOpenLogins(wanted: OpenLogins): Promise<readonly OpenLogin[]> {
  const { databaseUrl, projectId, sandbox, first, count } = wanted;
  const { telegram } = sandbox;
  const [botId = ""] = telegram.token.split(":");
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const logins = numbers.map((n): OpenLogin => {
    const button = { text: "Login", callback_data: buttonData(tokenOf(n), { kind: "login" }) };
    const user = { id: String(n), firstName: "Anna", lang: "en" };
    const messageId = telegram.addBotMessage(user, { text: "Log in?", keyboard: [[button]] });
    return { userId: user.id, sessionId: sessionIdOf(MARK, n), messageId };
  });
  await queryOnce(
    databaseUrl,
    `with opened as (
      select * from unnest($2::text[], $3::text[], $4::text[], $5::text[])
        as opened (user_id, session_id, token, message_id)
    ), made as (
      insert into sessions (id, project_id, status, sequence, state, ttl_seconds, owner_channel,
        owner_user_id, expires_at)
      select session_id, $1, 'opened', 2, 'hello', 300, 'telegram', user_id,
        now() + interval '1 hour'
      from opened
    )
    insert into prompts (token, project_id, session_id, channel, messenger_user_id, lang, bot,
      chat_id, message_id, expires_at)
    select token, $1, session_id, 'telegram', user_id, 'en', $6, user_id, message_id,
      now() + interval '1 hour'
    from opened`,
    [
      projectId,
      logins.map(({ userId }) => userId),
      logins.map(({ sessionId }) => sessionId),
      numbers.map(tokenOf),
      logins.map(({ messageId }) => messageId),
      `telegram:${botId}`,
    ],
  );
  await queryOnce(databaseUrl, "vacuum analyze sessions, prompts");
  return logins;
}

function tokenOf(n: number): string {
  return `p${String(n).padStart(21, "0")}`;
}
