// The language a person reads: what they chose with /lang, or else what their messenger told.

import { type RawBuilder, sql } from "kysely";

/**
 * It, for a row of the table in a statement. Read at that moment: a choice counts for what was
 * written before, too.
 */
export function chosenLang(table: "prompts" | "subscribers"): RawBuilder<string> {
  return sql<string>`coalesce(
    (
      select account_langs.lang from account_langs
      where account_langs.channel = ${sql.ref(`${table}.channel`)}
        and account_langs.messenger_user_id = ${sql.ref(`${table}.messenger_user_id`)}
    ),
    ${sql.ref(`${table}.lang`)}
  )`;
}
