// What the matrix cannot know from the descriptors: for each RPC a request that is answered, who
// may call it, and how to get the refusals that are its own. Everything else is generated.

import { randomBytes } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";
import { MatchCodePolicy } from "#gen/tapin/admin/v1/admin_pb.ts";
import { Channel } from "#gen/tapin/auth/v1/auth_pb.ts";
import type { Reason } from "../../src/errors.ts";
import { codeOf, type Person } from "../support/person.ts";
import { openPrompt, settledBubble } from "../support/site.ts";
import { randomSlug, type World } from "./world.ts";

/** Fields of a request. */
export type Fields = Readonly<Record<string, unknown>>;

/** A request and what goes with it. */
export interface Prepared {
  readonly request: Fields;
  readonly headers?: Readonly<Record<string, string>>;
  /** Watch token of the session it names. */
  readonly watchToken?: string;
}

/** Makes a request, and in the world what it needs; for each call anew. */
export type Prepare = (world: World) => Prepared | Promise<Prepared>;

/** One RPC. */
export interface Recipe {
  readonly takes: "api_key" | "api_key_or_watch_token" | "admin" | "nothing";
  /** A request that is answered. */
  readonly answered: Prepare;
  /** What of the answer is equal in all dialects; default all of it, with ids and times masked. */
  readonly equal?: (answer: JsonValue) => JsonValue;
  /** Refusals that no rule of the descriptors tells of. */
  readonly refused?: Partial<Record<Reason, Prepare>>;
  /** Works without the database. */
  readonly withoutDatabase?: true;
}

const uuid = () => crypto.randomUUID();
const max = Channel.MAX;

const pending: Prepare = async ({ website }) => {
  const { sessionId, watchToken } = await website.createSession();
  return { request: { sessionId }, watchToken };
};

const cancelled: Prepare = async (world) => {
  const { request, ...rest } = await pending(world);
  await world.website.cancelSession(String(request.sessionId));
  return { request, ...rest };
};

const project: Prepare = async ({ stage }) => ({
  request: { slug: (await stage.project({ slug: randomSlug(), name: "Corner" })).slug },
});

/** The code of a person in MAX who has just logged in. */
async function loginCode({ stage, website }: World): Promise<string> {
  const { maxLink } = await website.createSession({ state: "s-2" });
  const person = stage.person({ channel: "max", first_name: "Zoë", username: "zoe_1" });
  const { message_id } = await openPrompt(person, maxLink);
  await person.tap("Login", message_id);
  return codeOf(await settledBubble(person, message_id));
}

/** A person in MAX whom the bot has answered. */
async function guest({ stage, website }: World): Promise<{ person: Person; messageId: string }> {
  const person = stage.person({ channel: "max" });
  const { maxLink } = await website.createSession();
  const { message_id } = await openPrompt(person, maxLink);
  return { person, messageId: message_id };
}

/**
 * Chats differ by when the bot has answered; who speaks first and how a message is made does not.
 */
const beginning = (answer: JsonValue): JsonValue => {
  const { messages } = answer as { messages: { from: string }[] };
  return { first: messages[0]?.from ?? "", fields: Object.keys(messages[0] ?? {}).sort() };
};

const nobody = { channel: max, userId: "4" };

/** By the name of the RPC: `package.Service/Method`. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  "tapin.auth.v1.AuthService/GetLink": {
    takes: "api_key",
    answered: () => ({ request: {} }),
  },
  "tapin.auth.v1.AuthService/CreateSession": {
    takes: "api_key",
    answered: ({ redirectUri }) => ({
      request: {
        state: "s-1",
        redirectUri,
        codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        matchCode: true,
        client: { ip: "2001:db8::1", userAgent: "Mozilla/5.0 (X11; Linux x86_64) ü 漢字" },
      },
    }),
    refused: {
      REDIRECT_URI_INVALID: () => ({ request: { redirectUri: "https://evil.example/in" } }),
      CONFLICT: async ({ website }) => {
        const headers = { "idempotency-key": uuid() };
        await website.createSession({ state: "a" }, { headers });
        return { request: { state: "b" }, headers };
      },
      VALIDATION_FAILED: () => ({ request: {}, headers: { "idempotency-key": "k".repeat(256) } }),
    },
  },
  "tapin.auth.v1.AuthService/GetSessionStatus": {
    takes: "api_key_or_watch_token",
    answered: pending,
  },
  "tapin.auth.v1.AuthService/WatchSession": {
    takes: "api_key_or_watch_token",
    answered: cancelled,
  },
  "tapin.auth.v1.AuthService/CancelSession": {
    takes: "api_key_or_watch_token",
    answered: pending,
  },
  "tapin.auth.v1.AuthService/VerifyCode": {
    takes: "api_key",
    answered: async (world) => ({ request: { code: await loginCode(world) } }),
    refused: { CODE_INVALID: () => ({ request: { code: "no-such-code" } }) },
  },
  "tapin.admin.v1.AdminService/CreateProject": {
    takes: "admin",
    answered: () => ({
      request: {
        slug: randomSlug(),
        name: "Café",
        callbackUrl: "https://cafe.example/in",
        redirectUris: ["https://cafe.example/a", "https://cafe.example/b"],
        matchCode: MatchCodePolicy.REQUIRED,
      },
    }),
    refused: {
      CONFLICT: ({ slug }) => ({ request: { slug, name: "Again" } }),
      VALIDATION_FAILED: () => ({
        request: { slug: "a", name: " a", callbackUrl: "ftp://a", originUrl: "x" },
      }),
    },
  },
  "tapin.admin.v1.AdminService/ListProjects": {
    takes: "admin",
    answered: () => ({ request: { pageSize: 1 } }),
    refused: { VALIDATION_FAILED: () => ({ request: { pageToken: "!" } }) },
  },
  "tapin.admin.v1.AdminService/GetProject": { takes: "admin", answered: project },
  "tapin.admin.v1.AdminService/UpdateProject": {
    takes: "admin",
    answered: async (world) => {
      const { request } = await project(world);
      const change = { name: "New", originUrl: `https://${request.slug}.example` };
      return { request: { ...request, ...change } };
    },
    refused: { VALIDATION_FAILED: ({ slug }) => ({ request: { slug, originUrl: "x" } }) },
  },
  "tapin.admin.v1.AdminService/CreateApiKey": {
    takes: "admin",
    answered: ({ slug }) => ({ request: { slug, name: "matrix" } }),
    refused: { VALIDATION_FAILED: ({ slug }) => ({ request: { slug, name: " a " } }) },
  },
  "tapin.admin.v1.AdminService/ListApiKeys": { takes: "admin", answered: project },
  "tapin.admin.v1.AdminService/RevokeApiKey": {
    takes: "admin",
    answered: async ({ stage }) => {
      const { slug, keyId } = await stage.project();
      return { request: { slug, keyId } };
    },
    refused: { NOT_FOUND: ({ slug }) => ({ request: { slug, keyId: uuid() } }) },
  },
  "tapin.admin.v1.AdminService/SetBot": {
    takes: "admin",
    answered: ({ slug, bots }) => ({
      request: { slug, channel: Channel.TELEGRAM, token: bots.bot(1).token },
    }),
    refused: {
      CONFLICT: ({ slug, bots }) => ({
        request: { slug, channel: Channel.TELEGRAM, token: bots.bot(0).token },
      }),
      VALIDATION_FAILED: ({ slug }) => ({
        request: { slug, channel: Channel.TELEGRAM, token: `77:${randomBytes(9).toString("hex")}` },
      }),
    },
  },
  "tapin.admin.v1.AdminService/ListBots": {
    takes: "admin",
    answered: ({ slug }) => ({ request: { slug } }),
  },
  "tapin.admin.v1.AdminService/RemoveBot": {
    takes: "admin",
    answered: async ({ stage, bots, otherSlug: slug }) => {
      await stage.admin("PUT", `projects/${slug}/bots/telegram`, { token: bots.bot(2).token });
      return { request: { slug, channel: Channel.TELEGRAM } };
    },
    refused: { NOT_FOUND: ({ slug }) => ({ request: { slug, channel: max } }) },
  },
  "tapin.admin.v1.AdminService/DeleteSubscriber": {
    takes: "admin",
    answered: async (world) => {
      const { slug, website } = world;
      const { subscriberId } = await website.verifyCode({ code: await loginCode(world) });
      return { request: { slug, subscriberId } };
    },
    refused: { NOT_FOUND: ({ slug }) => ({ request: { slug, subscriberId: uuid() } }) },
  },
  "tapin.admin.v1.AdminService/Diagnose": {
    takes: "admin",
    answered: () => ({ request: {} }),
    // Findings name all projects, and others make some meanwhile.
    equal: (answer) => Object.keys(answer as object).sort(),
  },
  "tapin.sandbox.v1.SandboxService/OpenLink": {
    takes: "nothing",
    answered: async ({ website }) => {
      const { maxLink: link } = await website.createSession();
      const user = { id: String(1 + randomBytes(5).readUIntBE(0, 5)), firstName: "Ann" };
      return { request: { link, user: { ...user, lang: "en" } } };
    },
    equal: beginning,
    refused: {
      NOT_FOUND: () => ({
        request: { link: "https://max.ru/no_such_bot?start=a", user: { id: "4", firstName: "A" } },
      }),
      VALIDATION_FAILED: () => ({
        request: { link: "no link", user: { id: "4", firstName: "A" } },
      }),
    },
    withoutDatabase: true,
  },
  "tapin.sandbox.v1.SandboxService/TapButton": {
    takes: "nothing",
    answered: async (world) => {
      const { person, messageId } = await guest(world);
      return { request: { channel: max, userId: person.id, messageId, label: "Cancel" } };
    },
    equal: beginning,
    refused: { NOT_FOUND: () => ({ request: { ...nobody, messageId: "m", label: "Login" } }) },
    withoutDatabase: true,
  },
  "tapin.sandbox.v1.SandboxService/SendText": {
    takes: "nothing",
    answered: async (world) => ({
      request: { channel: max, userId: (await guest(world)).person.id, text: "Привет" },
    }),
    equal: beginning,
    refused: { NOT_FOUND: () => ({ request: { ...nobody, text: "a" } }) },
    withoutDatabase: true,
  },
  "tapin.sandbox.v1.SandboxService/SetBlocked": {
    takes: "nothing",
    answered: async (world) => ({
      request: { channel: max, userId: (await guest(world)).person.id, blocked: true },
    }),
    equal: beginning,
    refused: { NOT_FOUND: () => ({ request: { ...nobody, blocked: true } }) },
    withoutDatabase: true,
  },
  "tapin.sandbox.v1.SandboxService/GetChat": {
    takes: "nothing",
    answered: async (world) => ({
      request: { channel: max, userId: (await guest(world)).person.id },
    }),
    equal: beginning,
    refused: { NOT_FOUND: () => ({ request: nobody }) },
    withoutDatabase: true,
  },
};
