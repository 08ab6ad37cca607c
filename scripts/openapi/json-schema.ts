// The type that every part of the generator passes on: a piece of the document. What a piece says
// is made elsewhere.

/** A schema, or another part of a document. */
export type Schema = Readonly<Record<string, unknown>>;
