// The tables of messengers in the first step of the schema (migrations.ts): prompts, bots,
// languages and updates. Frozen once released, as every step.

import { BUSY_TABLE } from "./schema-sites.ts";

/** SQL of several statements; refers to the tables of websites. */
export const MESSENGERS_SCHEMA = `
  create table prompts (
    token text collate "C" primary key,
    project_id uuid not null references projects on delete cascade,
    session_id text collate "C",
    channel text not null check (channel in ('telegram', 'max')),
    messenger_user_id text not null,
    lang text not null,
    bot text collate "C" not null,
    status text not null default 'live' check (
      status in ('live', 'approved', 'cancelled', 'replaced', 'expired', 'used', 'mismatched')
    ),
    grant_id uuid references grants on delete cascade deferrable initially deferred,
    chat_id text,
    message_id text,
    settled boolean not null default false,
    settling_until timestamptz,
    created_at timestamptz not null default statement_timestamp(),
    expires_at timestamptz not null,
    closed_at timestamptz,
    foreign key (session_id, project_id) references sessions on delete cascade
  ) with (
    ${BUSY_TABLE}
  );
  create unique index prompts_one_live on prompts (project_id, channel, messenger_user_id)
    where status = 'live';
  create index prompts_of_session on prompts (session_id, project_id);
  create index prompts_of_grant on prompts (grant_id);
  create index prompts_to_settle on prompts (bot, expires_at)
    where not settled and message_id is not null;
  create index prompts_of_account on prompts (project_id, channel, messenger_user_id);
  create index prompts_to_purge on prompts (expires_at)
    where session_id is null and grant_id is null;
  comment on table prompts is 'Messages in which a bot asks a person to log in';
  comment on index prompts_pkey is 'For a tap, which carries the token';
  comment on index prompts_one_live is 'One that works for each account and project; a newer one finds and replaces it';
  comment on index prompts_of_session is 'For purge of its session, which takes it along';
  comment on index prompts_of_grant is 'For the end of its grant, which takes it along';
  comment on index prompts_to_settle is 'Messages that show buttons, by the end of their time';
  comment on index prompts_of_account is 'What a person cancelled lately, and all of them for deleting the person';
  comment on index prompts_to_purge is 'Those of static links that nobody answered';
  comment on column prompts.token is 'What its buttons carry: 22 random characters';
  comment on column prompts.project_id is 'Project the person is asked for';
  comment on column prompts.session_id is 'Session the person is asked for; null for a static link';
  comment on column prompts.channel is 'Messenger it was sent through';
  comment on column prompts.messenger_user_id is 'Only account there that may tap';
  comment on column prompts.lang is 'Language it was written in';
  comment on column prompts.bot is 'Bot that shows it, as channel:messenger bot id';
  comment on column prompts.status is 'What came of it; an overdue live one reads as expired';
  comment on column prompts.grant_id is 'Grant that came of it';
  comment on column prompts.chat_id is 'Chat of its message; null until the messenger told';
  comment on column prompts.message_id is 'Id of its message; null until the messenger told';
  comment on column prompts.settled is 'Whether its message needs no more editing';
  comment on column prompts.settling_until is 'Until when a settler has it for editing; null until one took it';
  comment on column prompts.created_at is 'When it was made';
  comment on column prompts.expires_at is 'When its buttons stop working';
  comment on column prompts.closed_at is 'When it was closed without a login; null when nobody closed it';

  create table bots (
    project_id uuid not null references projects on delete cascade,
    channel text not null check (channel in ('telegram', 'max')),
    messenger_bot_id text not null,
    username text not null,
    sealed_token text not null,
    revision uuid not null default gen_random_uuid(),
    updated_at timestamptz not null default statement_timestamp(),
    primary key (project_id, channel),
    unique (channel, messenger_bot_id)
  );
  comment on index bots_pkey is 'One for each project and messenger';
  comment on index bots_channel_messenger_bot_id_key is 'One project for each bot: two would take each other''s updates';
  comment on table bots is 'Bots that projects brought';
  comment on column bots.project_id is 'Project that brought it';
  comment on column bots.channel is 'Messenger of the bot';
  comment on column bots.messenger_bot_id is 'Id of the bot account there; one project only';
  comment on column bots.username is 'Username of the bot, as its address has it';
  comment on column bots.sealed_token is 'Its token, sealed with the server secret';
  comment on column bots.revision is 'Changes with every change: the bot is started anew';
  comment on column bots.updated_at is 'Last change of this row';

  create table account_langs (
    channel text not null check (channel in ('telegram', 'max')),
    messenger_user_id text not null,
    lang text not null,
    primary key (channel, messenger_user_id)
  );
  comment on index account_langs_pkey is 'For whoever writes to the bot';
  comment on table account_langs is 'Languages that people chose with /lang, for every project';
  comment on column account_langs.channel is 'Messenger of the account';
  comment on column account_langs.messenger_user_id is 'User id of the account there';
  comment on column account_langs.lang is 'Language, primary subtag (BCP 47)';

  create table updates (
    bot text collate "C" not null,
    key text collate "C" not null,
    number bigint not null generated always as identity,
    deliveries integer not null default 1,
    payload json,
    noted_at timestamptz not null default statement_timestamp(),
    holder text,
    taken_until timestamptz,
    finished_at timestamptz,
    primary key (bot, key)
  ) with (
    ${BUSY_TABLE}
  );
  create index updates_unfinished on updates (bot, number) where finished_at is null;
  create index updates_to_purge on updates (noted_at);
  comment on index updates_pkey is 'For an update that comes again';
  comment on index updates_unfinished is 'Those that a process took and did not finish, oldest first';
  comment on index updates_to_purge is 'All of them, oldest first';
  comment on table updates is 'Updates of messengers, so that none is handled twice or lost';
  comment on column updates.bot is 'Bot that got it, as channel:messenger bot id';
  comment on column updates.key is 'What tells it from the other updates of this bot';
  comment on column updates.number is 'Order in which they were noted';
  comment on column updates.deliveries is 'How many times the messenger has sent it';
  comment on column updates.payload is 'The update as it came; null once it is handled';
  comment on column updates.noted_at is 'When it came first';
  comment on column updates.holder is 'Process that has it in hand; null = none';
  comment on column updates.taken_until is 'Until when whoever took it over has it, should it live and be slow';
  comment on column updates.finished_at is 'When it was handled to its end';

  create table poll_markers (
    bot text collate "C" primary key,
    marker text collate "C" not null,
    kept_at timestamptz not null default statement_timestamp()
  );
  comment on index poll_markers_pkey is 'For the bot that polls';
  comment on table poll_markers is 'Where polling goes on, for messengers that do not keep it';
  comment on column poll_markers.bot is 'Bot that is polled, as channel:messenger bot id';
  comment on column poll_markers.marker is 'What its messenger gave with the last updates';
  comment on column poll_markers.kept_at is 'When it was kept last';

  create function tapin_bots_changed() returns trigger language plpgsql as $$
  begin
    perform pg_notify('tapin_bots', '');
    return null;
  end
  $$;
  comment on function tapin_bots_changed() is 'Tells every process that a bot of a project changed';
  create trigger bots_changed after insert or update or delete on bots
    for each row execute function tapin_bots_changed();
  comment on trigger bots_changed on bots is 'Not for each statement: most that delete projects touch no bot';
`;
