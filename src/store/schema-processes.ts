// The tables that keep processes and callers out of each other's way in the first step of the
// schema (migrations.ts): idempotency keys, leases and who lives. Frozen once released, as every
// step.

import { BUSY_TABLE } from "./schema-sites.ts";

/** SQL of several statements; refers to the tables of websites. */
export const PROCESSES_SCHEMA = `
  create table idempotency_keys (
    project_id uuid not null references projects on delete cascade,
    operation text not null,
    key_hash text not null,
    body_hash text not null,
    result jsonb,
    created_at timestamptz not null default clock_timestamp(),
    primary key (project_id, operation, key_hash)
  ) with (
    ${BUSY_TABLE}
  );
  create index idempotency_keys_to_purge on idempotency_keys (created_at);
  comment on index idempotency_keys_pkey is 'For the same call again';
  comment on index idempotency_keys_to_purge is 'All of them, oldest first';
  comment on table idempotency_keys is 'Answers kept for calls repeated with the same Idempotency-Key';
  comment on column idempotency_keys.project_id is 'Project that called';
  comment on column idempotency_keys.operation is 'Operation that was called';
  comment on column idempotency_keys.key_hash is 'SHA-256 of the key, in hex';
  comment on column idempotency_keys.body_hash is 'SHA-256 of the body, in hex';
  comment on column idempotency_keys.result is 'What the call came to, without secrets';
  comment on column idempotency_keys.created_at is 'When the key was claimed';

  create table leases (
    name text primary key,
    holder text not null,
    expires_at timestamptz not null
  );
  comment on index leases_pkey is 'For whoever wants the work';
  comment on table leases is 'Work that only one process may do at a time';
  comment on column leases.name is 'Name of the work';
  comment on column leases.holder is 'Process that does it';
  comment on column leases.expires_at is 'When another process may take it';

  create table processes (
    id text primary key,
    heard_since timestamptz not null,
    heard_at timestamptz not null
  ) with (fillfactor = 50);
  comment on index processes_pkey is 'For saying that it lives';
  comment on table processes is 'Processes, so that what a killed one had in hand is taken up';
  comment on column processes.id is 'Process, as holder of leases and updates';
  comment on column processes.heard_since is 'Since when it has been heard without a gap';
  comment on column processes.heard_at is 'When it said last that it lives';

  -- Unlogged: it is about a minute, and a crash may forget it.
  create unlogged table budgets (
    key text primary key,
    used integer not null,
    ends_at timestamptz not null
  ) with (fillfactor = 50);
  comment on index budgets_pkey is 'For adding up';
  comment on table budgets is 'What all processes have counted of projects and addresses that are near a limit';
  comment on column budgets.key is 'Budget and whose it is, as HMAC-SHA256 under the server secret: no address can be read from it';
  comment on column budgets.used is 'Calls since the count began';
  comment on column budgets.ends_at is 'When the count begins anew';
`;
