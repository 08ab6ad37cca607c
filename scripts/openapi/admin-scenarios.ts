// The examples of AdminService.

import { EXAMPLE, errorAnswer, type Scenario, type Scenarios } from "./scenario.ts";

const { slug, keyId: key_id } = EXAMPLE;

const PROJECT = {
  slug,
  name: "My Shop",
  callback_url: "https://shop.example.com/callback",
  origin_url: "https://shop.example.com",
  redirect_uris: ["https://shop.example.com/app/callback"],
  match_code: "optional",
  created_at: EXAMPLE.time,
  subscription: "automatic",
};

const BOT = { channel: "telegram", username: "MyShopLoginBot" };

const UNKNOWN = { slug: "no-such-shop" };

const PROJECT_NOT_FOUND = good("project_not_found", "No project has this slug", {
  parameters: UNKNOWN,
  status: 404,
  answer: errorAnswer("project_not_found", "There is no such project."),
});

/** The examples of AdminService. */
export const ADMIN_SCENARIOS: Scenarios = {
  createProject: [
    good("project", "A project with everything a login needs", {
      body: {
        slug,
        name: "My Shop",
        callback_url: "https://shop.example.com/callback",
        origin_url: "https://shop.example.com",
        redirect_uris: ["https://shop.example.com/app/callback"],
      },
      answer: PROJECT,
    }),
    good("least", "The least there can be", {
      body: { slug: "corner-shop", name: "Corner Shop" },
      answer: {
        ...PROJECT,
        slug: "corner-shop",
        name: "Corner Shop",
        callback_url: null,
        origin_url: null,
        redirect_uris: [],
      },
    }),
    good("validation_failed", "A callback URL that no messenger takes", {
      body: { slug: "new-shop", name: "New Shop", callback_url: "http://localhost:3000/callback" },
      status: 400,
      answer: errorAnswer("validation_failed", "The request is not valid.", {
        callback_url:
          "must not use localhost, which messengers refuse in a button; use 127.0.0.1 instead",
      }),
    }),
    good("conflict", "A slug that is taken", {
      body: { slug, name: "My Other Shop" },
      status: 409,
      answer: errorAnswer("conflict", `The slug ${slug} is taken.`),
    }),
  ],
  listProjects: [
    good("page", "The first page", {
      parameters: { page_size: 1 },
      answer: { projects: [PROJECT], next_page_token: "bXktc2hvcA" },
    }),
    good("last", "The last page", {
      parameters: { page_size: 1, page_token: "bXktc2hvcA" },
      answer: {
        projects: [{ ...PROJECT, slug: "our-shop", name: "Our Shop" }],
        next_page_token: "",
      },
    }),
  ],
  getProject: [
    good("project", "A project", { parameters: { slug }, answer: PROJECT }),
    PROJECT_NOT_FOUND,
  ],
  updateProject: [
    good("project", "One field is changed and one cleared; the others stay", {
      parameters: { slug },
      body: { name: "My New Shop", origin_url: null },
      answer: { ...PROJECT, name: "My New Shop", origin_url: null },
    }),
    { ...PROJECT_NOT_FOUND, body: { name: "My New Shop" } },
  ],
  createApiKey: [
    good("key", "The key, shown this once", {
      parameters: { slug },
      body: { name: "web server" },
      answer: { key_id, api_key: EXAMPLE.apiKey },
    }),
    { ...PROJECT_NOT_FOUND, body: { name: "web server" } },
  ],
  listApiKeys: [
    good("keys", "A key that is in use, and one that was revoked", {
      parameters: { slug },
      answer: {
        keys: [
          {
            key_id,
            name: "web server",
            hint: EXAMPLE.apiKey.slice(-4),
            created_at: EXAMPLE.time,
            last_used_at: EXAMPLE.time,
            revoked_at: null,
          },
          {
            key_id: "9d3d2f0a-4a0e-4f6e-8a53-7d3a4b1c2e02",
            name: "old server",
            hint: "Zz09",
            created_at: EXAMPLE.time,
            last_used_at: null,
            revoked_at: EXAMPLE.time,
          },
        ],
      },
    }),
    PROJECT_NOT_FOUND,
  ],
  revokeApiKey: [
    good("revoked", "The key has ended", { parameters: { slug, key_id }, answer: {} }),
    good("not_found", "The project has no such key", {
      parameters: { slug, key_id: "00000000-0000-4000-8000-000000000000" },
      status: 404,
      answer: errorAnswer("not_found", "There is nothing here."),
    }),
  ],
  setBot: [
    good("bot", "The project's own bot", {
      parameters: { slug, channel: "telegram" },
      body: { token: "123456:the-token-BotFather-gave" },
      answer: BOT,
    }),
    good("validation_failed", "A token that the messenger refuses", {
      parameters: { slug, channel: "telegram" },
      body: { token: "123456:mistyped" },
      status: 400,
      answer: errorAnswer("validation_failed", "The request is not valid.", {
        token: "is refused by the messenger",
      }),
    }),
  ],
  listBots: [
    good("bots", "The project's own bots", { parameters: { slug }, answer: { bots: [BOT] } }),
    PROJECT_NOT_FOUND,
  ],
  removeBot: [
    good("removed", "The project has this Tapin's bot again", {
      parameters: { slug, channel: "telegram" },
      answer: {},
    }),
    good("not_found", "The project has no bot of its own there", {
      parameters: { slug, channel: "telegram" },
      status: 404,
      answer: errorAnswer("not_found", "There is nothing here."),
    }),
  ],
  deleteSubscriber: [
    good("deleted", "What was known of the person is gone", {
      parameters: { slug, subscriber_id: EXAMPLE.subscriberId },
      answer: {},
    }),
    good("not_found", "The project has no such subscriber", {
      parameters: { slug, subscriber_id: "00000000-0000-4000-8000-000000000000" },
      status: 404,
      answer: errorAnswer("not_found", "There is nothing here."),
    }),
  ],
  diagnose: [
    good("healthy", "All is well", {
      answer: {
        healthy: true,
        findings: [
          { subject: "database", healthy: true, problems: [] },
          { subject: "clock", healthy: true, problems: [] },
          { subject: "bot telegram @YourBot", healthy: true, problems: [] },
          { subject: `project ${slug}`, healthy: true, problems: [] },
          { subject: "project our-shop", healthy: true, problems: [] },
        ],
      },
    }),
  ],
};

function good(
  name: string,
  summary: string,
  rest: Pick<Scenario, "answer"> & Partial<Scenario>,
): Scenario {
  return { name, summary, credentials: "adminToken", status: 200, ...rest };
}
