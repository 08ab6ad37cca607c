// What a schema is here.

/** A schema, or another part of a document. */
export type Schema = Readonly<Record<string, unknown>>;
