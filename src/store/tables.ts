// The rows of every table, as kysely and the SQL of this room see them, and the handle queries go
// through. What a column means stands in the database itself (`comment on`, migrations.ts); how a
// row becomes a thing of the core stands in the file of its table.

import type { Generated, Kysely } from "kysely";
import type { SubscriptionPolicy } from "../core/project.ts";
import type { PromptStatus } from "../core/prompt.ts";
import type { SessionStatus } from "../core/session.ts";
import type { Channel } from "../core/subscriber.ts";

/** Row of `projects`. */
export interface ProjectRow {
  id: Generated<string>;
  slug: string;
  name: string;
  callback_url: string | null;
  origin_url: string | null;
  redirect_uris: readonly string[];
  match_code_required: boolean;
  subscription: Generated<SubscriptionPolicy>;
  created_at: Generated<Date>;
}

/** Row of `api_keys`. */
export interface ApiKeyRow {
  id: Generated<string>;
  number: Generated<number>;
  project_id: string;
  name: string;
  hint: string;
  hash: string;
  created_at: Generated<Date>;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

/** Row of `sessions`. */
export interface SessionRow {
  id: string;
  project_id: string;
  status: Generated<SessionStatus>;
  sequence: Generated<number>;
  state: string | null;
  redirect_uri: string | null;
  code_challenge: string | null;
  match_code: string | null;
  client_ip: string | null;
  client_user_agent: string | null;
  ttl_seconds: number;
  owner_channel: Channel | null;
  owner_user_id: string | null;
  created_at: Generated<Date>;
  expires_at: Date;
  ended_at: Date | null;
}

/** Row of `subscribers`. */
export interface SubscriberRow {
  id: Generated<string>;
  project_id: string;
  channel: Channel;
  messenger_user_id: string;
  first_name: string;
  last_name: string | null;
  username: string | null;
  avatar_url: string | null;
  lang: string;
  tags: Generated<readonly string[]>;
  subscribed: Generated<boolean>;
  reachable: Generated<boolean>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

/** Row of `grants`. */
export interface GrantRow {
  id: string;
  project_id: string;
  session_id: string | null;
  subscriber_id: string;
  code_hash: string;
  code_challenge: string | null;
  state: string | null;
  recipient: string | null;
  wrong_verifiers: Generated<number>;
  created_at: Generated<Date>;
  expires_at: Date;
  used_at: Date | null;
}

/** Row of `prompts`. */
export interface PromptRow {
  token: string;
  project_id: string;
  session_id: string | null;
  channel: Channel;
  messenger_user_id: string;
  lang: string;
  bot: string;
  status: Generated<PromptStatus>;
  grant_id: string | null;
  chat_id: string | null;
  message_id: string | null;
  settled: Generated<boolean>;
  settling_until: Date | null;
  created_at: Generated<Date>;
  expires_at: Date;
  closed_at: Date | null;
}

/** Row of `bots`. */
export interface BotRow {
  project_id: string;
  channel: Channel;
  messenger_bot_id: string;
  username: string;
  sealed_token: string;
  revision: Generated<string>;
  updated_at: Generated<Date>;
}

/** Row of `account_langs`. */
export interface AccountLangRow {
  channel: Channel;
  messenger_user_id: string;
  lang: string;
}

/** Row of `updates`. */
export interface UpdateRow {
  bot: string;
  key: string;
  number: Generated<number>;
  deliveries: Generated<number>;
  payload: unknown;
  noted_at: Generated<Date>;
  holder: string | null;
  taken_until: Date | null;
  finished_at: Date | null;
}

/** Row of `idempotency_keys`. */
export interface IdempotencyRow {
  project_id: string;
  operation: string;
  key_hash: string;
  body_hash: string;
  result: unknown;
  created_at: Generated<Date>;
}

/** Row of `leases`. */
export interface LeaseRow {
  name: string;
  holder: string;
  expires_at: Date;
}

/** Row of `processes`. */
export interface ProcessRow {
  id: string;
  heard_since: Date;
  heard_at: Date;
}

/** Row of `poll_markers`. */
export interface PollMarkerRow {
  bot: string;
  marker: string;
  kept_at: Generated<Date>;
}

/** Row of `budgets`. */
export interface BudgetRow {
  key: string;
  used: number;
  ends_at: Date;
}

/** Every table by its name. */
export interface Tables {
  projects: ProjectRow;
  api_keys: ApiKeyRow;
  sessions: SessionRow;
  subscribers: SubscriberRow;
  grants: GrantRow;
  prompts: PromptRow;
  bots: BotRow;
  account_langs: AccountLangRow;
  updates: UpdateRow;
  poll_markers: PollMarkerRow;
  idempotency_keys: IdempotencyRow;
  leases: LeaseRow;
  processes: ProcessRow;
  budgets: BudgetRow;
}

/** What queries go through: the pool, the one embedded connection, or a transaction of either. */
export type Db = Kysely<Tables>;
