// Collects what is wrong with a request, so that a caller learns all of it at once.
// Which values are wrong is decided by the readers of path, query and body.

import { type FieldViolation, TranscodeError } from "./transcode-error.ts";

const maxViolations = 25;
const maxFieldLength = 128;

/**
 * The faults found in one request. Keeps the first 25, so that a hostile body cannot grow the
 * answer.
 */
export class ViolationList {
  readonly #violations: FieldViolation[] = [];

  /** Adds a fault. Field names come from the caller, so they are cut after 128 characters. */
  add(field: string, message: string): void {
    if (this.#violations.length >= maxViolations) return;
    const shown = field.length > maxFieldLength ? `${field.slice(0, maxFieldLength)}…` : field;
    this.#violations.push({ field: shown.toWellFormed(), message });
  }

  /** How many faults are kept. */
  get size(): number {
    return this.#violations.length;
  }

  /** Throws a `TranscodeError` of kind `invalid_request` when there is any fault. */
  throwIfAny(): void {
    const first = this.#violations[0];
    if (first === undefined) return;
    const subject = first.field === "" ? "The request" : `The field "${first.field}"`;
    const sentence = `${subject} ${first.message}.`;
    throw new TranscodeError("invalid_request", sentence, { violations: this.#violations });
  }
}
