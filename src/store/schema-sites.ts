// The tables of websites in the first step of the schema (migrations.ts): projects with their keys,
// sessions, people and grants. Frozen once released, as every step.

/**
 * For tables whose rows come and go by the million a day. By default vacuum comes when a fifth of
 * the rows are dead: at 10 million rows once in hours, and then for long. At a hundredth it comes
 * often and has little to do, and the space is there again before the table grows. The cost limit
 * is ten times the default, so that it keeps up with the writers.
 */
export const BUSY_TABLE = `autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000`;

/** SQL of several statements; the first of its step. */
export const SITES_SCHEMA = `
  create table projects (
    id uuid primary key default gen_random_uuid(),
    slug text collate "C" not null unique,
    name text not null,
    callback_url text,
    origin_url text,
    redirect_uris text[] not null default '{}',
    match_code_required boolean not null default false,
    subscription text not null default 'automatic' check (
      subscription in ('automatic', 'ask', 'off')
    ),
    created_at timestamptz not null default statement_timestamp()
  );
  create index projects_origin on projects (lower(origin_url)) where origin_url is not null;
  comment on index projects_pkey is 'What every other row refers to';
  comment on index projects_slug_key is 'For static links and administrators, who name it; pages of the list';
  comment on index projects_origin is 'For CORS preflights, which tell an origin and no key';
  comment on table projects is 'Sites that use Tapin';
  comment on column projects.id is 'Identity, never shown to websites';
  comment on column projects.slug is 'Name in deep links, 1-59 of [a-z0-9-]; never changes';
  comment on column projects.name is 'Name a person reads in the prompt';
  comment on column projects.callback_url is 'Where the browser lands with the code';
  comment on column projects.origin_url is 'Only browser origin allowed by CORS (RFC 6454)';
  comment on column projects.redirect_uris is 'Landing URLs a session may ask for, exact match';
  comment on column projects.match_code_required is 'Whether every session has a match code';
  comment on column projects.subscription is 'Whether a login subscribes: automatic, ask or off';
  comment on column projects.created_at is 'When it was made';

  create table api_keys (
    id uuid primary key default gen_random_uuid(),
    number bigint not null generated always as identity,
    project_id uuid not null references projects on delete cascade,
    name text not null,
    hint text not null,
    hash text not null unique,
    created_at timestamptz not null default statement_timestamp(),
    last_used_at timestamptz,
    revoked_at timestamptz
  );
  create index api_keys_of_project on api_keys (project_id, number);
  comment on index api_keys_pkey is 'For revoking one';
  comment on index api_keys_hash_key is 'For every call, which knows the key';
  comment on index api_keys_of_project is 'For the list, oldest first';
  comment on table api_keys is 'Keys websites call with; only hashes';
  comment on column api_keys.id is 'Identity, shown to administrators';
  comment on column api_keys.number is 'Order of creation';
  comment on column api_keys.project_id is 'Project the key belongs to';
  comment on column api_keys.name is 'What the administrator calls it';
  comment on column api_keys.hint is 'Last four characters of the key';
  comment on column api_keys.hash is 'SHA-256 of the key, in hex';
  comment on column api_keys.created_at is 'When it was made';
  comment on column api_keys.last_used_at is 'Last use, to the minute';
  comment on column api_keys.revoked_at is 'When it stopped working';

  create table sessions (
    id text collate "C",
    project_id uuid not null references projects on delete cascade,
    status text not null default 'pending' check (
      status in ('pending', 'opened', 'completed', 'verified', 'expired', 'cancelled')
    ),
    sequence integer not null default 1,
    state text,
    redirect_uri text,
    code_challenge text,
    match_code text,
    client_ip text,
    client_user_agent text,
    ttl_seconds integer not null,
    owner_channel text check (owner_channel in ('telegram', 'max')),
    owner_user_id text,
    created_at timestamptz not null default statement_timestamp(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    primary key (id, project_id),
    check ((owner_channel is null) = (owner_user_id is null))
  ) with (
    fillfactor = 70, ${BUSY_TABLE}
  );
  create index sessions_to_expire on sessions (expires_at) where ended_at is null;
  create index sessions_to_purge on sessions (ended_at) where ended_at is not null;
  create index sessions_of_account on sessions (owner_user_id) where owner_user_id is not null;
  comment on table sessions is 'Sign-in attempts, from creation to their end; a third of a page is left free, so that a change finds room beside its row';
  comment on index sessions_pkey is 'Whatever names a session; with the project, so that no row of another can refer to it';
  comment on index sessions_to_expire is 'What has not ended, by the end of its time; ended_at, so that a change of status alone touches no index';
  comment on index sessions_to_purge is 'What has ended, oldest first';
  comment on index sessions_of_account is 'What a person has opened, for deleting the person';
  comment on column sessions.id is 'Identity in deep links: 16 random characters';
  comment on column sessions.project_id is 'Project the person signs in to';
  comment on column sessions.status is 'Where it stands; an overdue pending or opened reads as expired';
  comment on column sessions.sequence is 'Rises by one with each change';
  comment on column sessions.state is 'Opaque value of the website, echoed unchanged';
  comment on column sessions.redirect_uri is 'Landing URL asked for instead of the callback URL';
  comment on column sessions.code_challenge is 'S256 challenge (RFC 7636)';
  comment on column sessions.match_code is 'Two digits the person has to pick in the bot';
  comment on column sessions.client_ip is 'Address of the browser that asks';
  comment on column sessions.client_user_agent is 'User agent of the browser that asks';
  comment on column sessions.ttl_seconds is 'Seconds it lives from its creation';
  comment on column sessions.owner_channel is 'Messenger of the account that opened the link first';
  comment on column sessions.owner_user_id is 'User id of that account there';
  comment on column sessions.created_at is 'When it was made';
  comment on column sessions.expires_at is 'When its time is over';
  comment on column sessions.ended_at is 'When it was completed, cancelled or expired';

  create table subscribers (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references projects on delete cascade,
    channel text not null check (channel in ('telegram', 'max')),
    messenger_user_id text not null,
    first_name text not null,
    last_name text,
    username text,
    avatar_url text,
    lang text not null,
    tags text[] not null default '{}',
    subscribed boolean not null default false,
    reachable boolean not null default true,
    created_at timestamptz not null default statement_timestamp(),
    updated_at timestamptz not null default statement_timestamp(),
    unique (project_id, channel, messenger_user_id),
    unique (project_id, id)
  ) with (fillfactor = 90);
  create index subscribers_of_account on subscribers (channel, messenger_user_id);
  comment on table subscribers is 'People as one project sees them; every login changes a row, and no index with it where the page has room';
  comment on index subscribers_pkey is 'For verify, which knows the id';
  comment on index subscribers_project_id_channel_messenger_user_id_key is 'One row for each account and project: a login finds it';
  comment on index subscribers_project_id_id_key is 'For grants, which can refer only to a row of their project';
  comment on index subscribers_of_account is 'What a bot hears of a person: /stop, blocked, unblocked';
  comment on column subscribers.id is 'Identity a website stores';
  comment on column subscribers.project_id is 'Project that sees this row';
  comment on column subscribers.channel is 'Messenger of the account';
  comment on column subscribers.messenger_user_id is 'User id of the account there';
  comment on column subscribers.first_name is 'First name, cleaned';
  comment on column subscribers.last_name is 'Last name, cleaned';
  comment on column subscribers.username is 'Username; changes hands, so it identifies nobody';
  comment on column subscribers.avatar_url is 'Picture that may be shown to anybody';
  comment on column subscribers.lang is 'Language, primary subtag (BCP 47)';
  comment on column subscribers.tags is 'Labels of the project';
  comment on column subscribers.subscribed is 'Whether the person takes notifications; /stop ends it';
  comment on column subscribers.reachable is 'False after the person blocked the bot';
  comment on column subscribers.created_at is 'First login';
  comment on column subscribers.updated_at is 'Last change of this row';

  create table grants (
    id uuid primary key,
    project_id uuid not null references projects on delete cascade,
    session_id text collate "C",
    subscriber_id uuid not null,
    code_hash text not null unique,
    code_challenge text,
    state text,
    recipient text,
    wrong_verifiers integer not null default 0,
    created_at timestamptz not null default statement_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    unique (session_id, project_id),
    foreign key (session_id, project_id) references sessions on delete cascade,
    foreign key (project_id, subscriber_id) references subscribers (project_id, id) on delete cascade
  ) with (
    fillfactor = 80, ${BUSY_TABLE}
  );
  create index grants_of_subscriber on grants (project_id, subscriber_id);
  create index grants_to_purge on grants (expires_at) where session_id is null;
  comment on table grants is 'Approvals; a one-time code stands for each. Delivery and verify change no indexed column, and a fifth of a page is left free for them';
  comment on index grants_pkey is 'For the prompt that led to it';
  comment on index grants_code_hash_key is 'For verify, which knows the code';
  comment on index grants_session_id_project_id_key is 'One for each session: for delivery, and for purge, which takes it along';
  comment on index grants_of_subscriber is 'For deleting a person, which takes them along';
  comment on index grants_to_purge is 'Those of static links, by the end of their time; not by used_at, which verify changes';
  comment on column grants.id is 'Identity; the code is derived from it and the server secret';
  comment on column grants.project_id is 'Only project that may verify the code';
  comment on column grants.session_id is 'Session it completed; null for a static link';
  comment on column grants.subscriber_id is 'Who approved';
  comment on column grants.code_hash is 'SHA-256 of the code, in hex';
  comment on column grants.code_challenge is 'S256 challenge the verifier must meet (RFC 7636)';
  comment on column grants.state is 'Opaque value of the website, echoed by verify';
  comment on column grants.recipient is 'Reader that was told the code; null until one was';
  comment on column grants.wrong_verifiers is 'Wrong verifiers so far';
  comment on column grants.created_at is 'When the person approved';
  comment on column grants.expires_at is 'When the code stops working';
  comment on column grants.used_at is 'When the code was used, or burnt by wrong verifiers';

  create function tapin_project_changed() returns trigger language plpgsql as $$
  begin
    perform pg_notify('tapin_project', old.id::text);
    return null;
  end
  $$;
  comment on function tapin_project_changed() is 'Makes every process read a project anew';
  create trigger project_changed after update or delete on projects
    for each row execute function tapin_project_changed();
  comment on trigger project_changed on projects is 'Also when nothing is different: that is rare';

  create function tapin_api_key_changed() returns trigger language plpgsql as $$
  begin
    perform pg_notify('tapin_project', old.project_id::text);
    return null;
  end
  $$;
  comment on function tapin_api_key_changed() is 'Makes every process ask again whose a key is';
  create trigger api_key_changed after delete or update of project_id, hash, revoked_at on api_keys
    for each row execute function tapin_api_key_changed();
  comment on trigger api_key_changed on api_keys is 'Not for last_used_at, which changes all the time';

  create function tapin_sessions_changed() returns trigger language plpgsql as $$
  begin
    -- 400 ids of 16 characters with commas are 6,800 bytes; a notification takes 8,000.
    perform pg_notify('tapin_session', string_agg(id, ','))
    from (
      select new_rows.id, (row_number() over () - 1) / 400 as part
      from new_rows join old_rows on old_rows.id = new_rows.id
      where new_rows.sequence <> old_rows.sequence
    ) as changed
    group by part;
    return null;
  end
  $$;
  comment on function tapin_sessions_changed() is 'Wakes the watchers of sessions on every process, by one notification for a statement';
  create trigger sessions_changed after update on sessions
    referencing old table as old_rows new table as new_rows
    for each statement execute function tapin_sessions_changed();
  comment on trigger sessions_changed on sessions is 'A change is a rise of the sequence';
`;
