// Statements that are sent so often that the database keeps them parsed and planned, by connection.
// The text of such a statement never changes: values come as `$1`, `$2`, lists of any length as one
// array.

import { CompiledQuery, type RawBuilder } from "kysely";
import type { Db } from "./tables.ts";

const names = new Map<string, string>();

/** Runs a prepared statement with these values over this connection or transaction. */
export type Prepared<Row> = (db: Db, values: readonly unknown[]) => Promise<readonly Row[]>;

/**
 * Prepares the statement under a name that no other has, at most 63 bytes. Its fragments must bring
 * no parameters of their own: the numbers would clash.
 */
export function prepared<Row>(name: string, statement: RawBuilder<Row>): Prepared<Row> {
  let text: string | null = null;
  return async (db, values) => {
    text ??= compile(db, name, statement);
    return (await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows;
  };
}

function compile(db: Db, name: string, statement: RawBuilder<unknown>): string {
  const { sql, parameters } = statement.compile(db);
  if (parameters.length > 0) throw new Error(`a fragment of ${name} brings parameters`);
  names.set(sql, name);
  return sql;
}

/** The name under which this text is prepared; undefined for any other statement. */
export function nameOf(text: string): string | undefined {
  return names.get(text);
}
