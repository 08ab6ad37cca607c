// Noting updates, all that come in the same moment by one statement, and finishing them likewise.

import { type RawBuilder, sql } from "kysely";
import type { UpdateNote, UpdateState } from "../core/bot-ports.ts";
import { gather } from "./batch.ts";
import { NOW } from "./database-time.ts";
import { prepared } from "./prepared.ts";
import { isGone } from "./processes.ts";
import type { Db } from "./tables.ts";

/** What is known of an update once it is noted. */
export interface NotedRow {
  /** Its place among those that were asked for, from 1. */
  place: number;
  fresh: boolean;
  finished: boolean;
  /** Whether whoever asks has it in hand now. */
  mine: boolean;
}

/**
 * The queries `firsts`, `written` and `noted` of a statement that has under `asked` the columns
 * bot, key, payload, holder and place. Of an update that is there twice only the first is noted.
 * Writing to the row that is there makes a simultaneous second caller wait for the first and see
 * it; in one order, or two statements could wait for each other.
 */
export const NOTED = sql`
  firsts as materialized (
    select distinct on (bot, key) bot, key, payload, holder, place from asked order by bot, key, place
  ), written as (
    insert into updates as kept (bot, key, payload, holder)
    select bot, key, payload::json, holder from firsts order by bot, key
    on conflict (bot, key) do update set deliveries = kept.deliveries + 1,
      holder = case when ${isFree(sql`kept.holder`)} then excluded.holder else kept.holder end
    returning bot, key, holder, deliveries = 1 as fresh, finished_at is not null as finished
  ), noted as materialized (
    select firsts.place::integer as place, fresh, finished, written.holder = firsts.holder as mine
    from written join firsts on firsts.bot = written.bot and firsts.key = written.key
  )`;

const NOTE = prepared<NotedRow>(
  "tapin_note_updates",
  sql`
    with asked as materialized (
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
        with ordinality as asked (bot, key, payload, holder, place)
    ), ${NOTED}
    select place, fresh, finished, mine from noted`,
);

// Locked in the order in which they are noted.
const FINISH = prepared<never>(
  "tapin_finish_updates",
  sql`
    with asked as materialized (
      select * from unnest($1::text[], $2::text[]) as asked (bot, key)
    ), mine as materialized (
      select updates.bot, updates.key
      from updates join asked on asked.bot = updates.bot and asked.key = updates.key
      order by updates.bot, updates.key for no key update of updates
    )
    update updates set finished_at = ${NOW}, payload = null, taken_until = null
    from mine
    where updates.bot = mine.bot and updates.key = mine.key`,
);

/** Notes over this connection or transaction. */
export function noting(db: Db): (note: UpdateNote) => Promise<UpdateState> {
  const all = async (notes: readonly UpdateNote[]) => {
    const rows = await NOTE(db, noteValues(notes));
    const states: (UpdateState | undefined)[] = notes.map(() => undefined);
    for (const row of rows) states[row.place - 1] = stateOf(row);
    return states;
  };
  const one = async (note: UpdateNote) => {
    const [state] = await all([note]);
    if (state === undefined) throw new Error("noting an update returned no row");
    return state;
  };
  return db.isTransaction ? one : gather({ all, one });
}

/** Finishes over this connection or transaction. */
export function finishing(db: Db): (update: { bot: string; key: string }) => Promise<void> {
  const all = async (updates: readonly { bot: string; key: string }[]) => {
    await FINISH(db, [updates.map(({ bot }) => bot), updates.map(({ key }) => key)]);
    return updates.map(() => null);
  };
  const one = async (update: { bot: string; key: string }) => (await all([update]))[0] ?? null;
  const finish = db.isTransaction ? one : gather({ all, one });
  return async (update) => void (await finish(update));
}

/** The first values of a statement with {@link NOTED}: bots, keys, payloads, holders. */
export function noteValues(notes: readonly UpdateNote[]): readonly unknown[] {
  return [
    notes.map(({ bot }) => bot),
    notes.map(({ key }) => key),
    notes.map(({ payload }) => JSON.stringify(payload ?? null)),
    notes.map(({ holder }) => holder),
  ];
}

/** What was known of it before. */
export function stateOf({ fresh, finished, mine }: NotedRow): UpdateState {
  if (fresh) return "fresh";
  if (finished) return "done";
  return mine ? "unfinished" : "elsewhere";
}

/** Whether nobody who lives has it in hand. */
export function isFree(holder: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`(${holder} is null or ${isGone(holder)})`;
}
