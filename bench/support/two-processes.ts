// Two processes of Tapin on one PostgreSQL and one pretend messenger: the bot's updates come to the
// first, by webhook, and watchers are on the second.

import http from "node:http";
import http2, { type ClientHttp2Session } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  SessionStatus,
  WatchSessionRequestSchema,
  WatchSessionResponseSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";
import type { ChatMessage } from "../../src/sandbox/chat.ts";
import { awaitAnswer } from "../../test/support/await-condition.ts";
import { freePort } from "../../test/support/free-port.ts";
import { type MessengerServer, startMessengers } from "../../test/support/messenger-server.ts";
import { grpcCall } from "./grpc-call.ts";
import { makeOpenLogins, type OpenLogin } from "./open-logins.ts";
import type { ServerProcess } from "./server-process.ts";
import { makeProject, type Stage } from "./stage.ts";

/** The two, and what a website and its visitors do with them. */
export interface TwoProcesses {
  readonly databaseUrl: string;
  readonly first: ServerProcess;
  readonly second: ServerProcess;
  /** One call of the website to the first process, over REST. */
  post(path: string, body: object): Promise<Record<string, unknown>>;
  /** A session whose link this person has opened: its id, and the message to tap. */
  openLogin(userId: string): Promise<OpenLogin>;
  /** As many at once, by SQL, each of somebody new. */
  openLogins(count: number): Promise<readonly OpenLogin[]>;
  /** Watches on the second process. */
  watch(sessionId: string): Watch;
  /** The person taps Login. Does not wait for the bot. */
  tap(login: OpenLogin): void;
  /** Whether the message that was tapped no longer asks. */
  isAnswered(login: OpenLogin): boolean;
  stop(): Promise<void>;
}

/** A watcher. Both reject when its stream ends before. */
export interface Watch {
  /** Resolves with the first message. */
  readonly open: Promise<void>;
  /** The code, and the moment it was told. */
  readonly told: Promise<{ readonly code: string; readonly at: number }>;
}

/** Streams on one connection. */
const STREAMS = 100;

/** Starts them. */
export async function startTwoProcesses(stage: Stage): Promise<TwoProcesses> {
  const databaseUrl = await stage.createDatabase();
  const messengers = await startMessengers();
  const port = await freePort();
  // One public address, that of the first: or each would take the webhook from the other.
  const env = {
    ...messengers.telegramEnv,
    TAPIN_UPDATES: "webhook",
    TAPIN_PUBLIC_URL: `http://127.0.0.1:${port}`,
  };
  const first = await stage.startTapin(databaseUrl, { env: { ...env, TAPIN_PORT: port } });
  const second = await stage.startTapin(databaseUrl, { env });
  const { apiKey, id: projectId } = await makeProject(first.url, databaseUrl);
  const { sandbox } = messengers;
  let people = 0;
  const connections = connectionsTo(second.url);
  const post = (path: string, body: object) => postJson(first.url + path, apiKey, body);
  return {
    databaseUrl,
    first,
    second,
    post,
    async openLogin(userId) {
      const session = await post("/v1/auth/session", { state: "hello" });
      const link = String(session.telegram_link);
      const messageId = await openLink(messengers, link, userId);
      return { userId, sessionId: String(session.session_id), messageId };
    },
    openLogins(count) {
      const first = people + 1;
      people += count;
      return makeOpenLogins({ databaseUrl, projectId, sandbox, first, count });
    },
    watch: (sessionId) => watch(connections.next(), apiKey, sessionId),
    tap({ userId, messageId }) {
      void sandbox.telegram.tap(userId, messageId, "Login");
    },
    isAnswered({ userId, messageId }) {
      const { messages } = sandbox.telegram.chat(userId);
      const tapped = messages.find((message) => message.messageId === messageId);
      return tapped !== undefined && !asksToLogIn(tapped);
    },
    async stop() {
      connections.close();
      agent.destroy();
      await Promise.all([first.stop(), second.stop()]);
      await messengers.close();
    },
  };
}

/** As a website's server has them: not one for each call under way. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

function postJson(url: string, apiKey: string, body: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", agent, headers }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      if (answer.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(`${url}: ${text}`));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

function asksToLogIn({ buttons }: ChatMessage): boolean {
  return buttons.some(({ label }) => label === "Login");
}

async function openLink(
  { sandbox }: MessengerServer,
  link: string,
  userId: string,
): Promise<string> {
  await sandbox.openLink({ link, user: { id: userId, firstName: "Anna", lang: "en" } });
  const look = async () => {
    const last = sandbox.telegram.chat(userId).messages.at(-1);
    return last !== undefined && asksToLogIn(last) ? last.messageId : null;
  };
  return await awaitAnswer("the bot asks for the login", look, 60_000);
}

function connectionsTo(url: string): { next(): ClientHttp2Session; close(): void } {
  const made: ClientHttp2Session[] = [];
  let used = 0;
  return {
    next() {
      const index = Math.floor(used++ / STREAMS);
      made[index] ??= http2.connect(url);
      return made[index];
    },
    close() {
      for (const session of made) session.destroy();
    },
  };
}

function watch(session: ClientHttp2Session, apiKey: string, sessionId: string): Watch {
  const request = create(WatchSessionRequestSchema, { sessionId });
  const message = toBinary(WatchSessionRequestSchema, request);
  const target = { path: "/tapin.auth.v1.AuthService/WatchSession", apiKey };
  const open = Promise.withResolvers<void>();
  const told = Promise.withResolvers<{ code: string; at: number }>();
  const onMessage = (answer: Buffer) => {
    open.resolve();
    const { status, code = "" } = fromBinary(WatchSessionResponseSchema, answer);
    if (status === SessionStatus.COMPLETED) told.resolve({ code, at: performance.now() });
  };
  const fail = (error: unknown) => {
    for (const { reject } of [open, told]) reject(error);
  };
  const ended = () => fail(new Error(`the watch of ${sessionId} ended without a code`));
  grpcCall(session, target, { message, onMessage }).then(ended, fail);
  // Whoever waits for one of the two need not wait for the other.
  for (const { promise } of [open, told]) promise.catch(() => undefined);
  return { open: open.promise, told: told.promise };
}
