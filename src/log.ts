// The log: one JSON line for each event, on standard output. Tokens, keys and codes never reach it:
// every line is searched for them on its way out, whoever wrote it. The lines of one turn of the
// event loop go out together.

import { setImmediate } from "node:timers";
import { type Logger, pino } from "pino";
import { CREDENTIAL_PREFIX } from "./core/secret.ts";

/** Where lines go. */
export interface LogOptions {
  readonly level: string;
  /** Secrets of this process, such as bot tokens, that have no shape of their own. */
  readonly secrets: readonly string[];
  /** Takes a finished line. */
  write(line: string): void;
}

// API keys, watch and admin tokens; bearer credentials; bot tokens in Bot API URLs; codes in
// callback URLs and JSON; passwords in database URLs.
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`(${CREDENTIAL_PREFIX})[A-Za-z0-9_-]+`, "gi"), "$1[redacted]"],
  [/(bearer\s+)[A-Za-z0-9._~+/=-]+/gi, "$1[redacted]"],
  [/\bbot\d+:[A-Za-z0-9_-]+/g, "bot[redacted]"],
  [/([?&]code=)[^&\s"]+/g, "$1[redacted]"],
  [/("code\\?":\s*\\?")[A-Za-z0-9_-]{40,}/g, "$1[redacted]"],
  // Up to the last @ of the word: a password that should have been escaped may hold one itself.
  [/(postgres(?:ql)?:\/\/[^:@/\s"]*:)[^\s"]*@/gi, "$1[redacted]@"],
];

/** Takes the secrets out of a line: these, and whatever has the shape of one. */
export function createRedactor(secrets: readonly string[]): (line: string) => string {
  const given = secrets.filter((secret) => secret !== "");
  // Nearly no line holds any, and to look for all at once takes a sixth of looking for each.
  const any = new RegExp(
    [...given.map(RegExp.escape), ...SHAPES.map(([shape]) => shape.source)].join("|"),
    "i",
  );
  return (line) => {
    if (!any.test(line)) return line;
    const plain = given.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), line);
    return SHAPES.reduce((text, [shape, replacement]) => text.replace(shape, replacement), plain);
  };
}

/** Builds the log. */
export function createLog({ level, secrets, write }: LogOptions): Logger {
  // In a line of JSON a secret may stand as it is or with its quotes and backslashes escaped.
  const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  const options = {
    level,
    base: null,
    timestamp: createTimestamp(),
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const redact = createRedactor(forms);
  return pino(options, { write: (line: string) => write(redact(line)) });
}

/** Lines of the same millisecond share its text. */
function createTimestamp(): () => string {
  let at = 0;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/**
 * Bytes that a pipe takes as one piece, whoever else writes to it (PIPE_BUF of Linux; POSIX
 * write()).
 */
const WHOLE_BYTES = 4096;

/** What lines are written to. */
export interface Outlet {
  write(text: string, done: () => void): unknown;
}

/**
 * Writes lines in order, those of one turn of the event loop in as few pieces as may be: a write
 * for each line would cost more than to make it. Several processes may write to one pipe and every
 * line stays whole, up to 4096 bytes: the next piece goes out only when the last one is taken. A
 * stream by itself would make one piece of all that waits for a slow reader, and cut it anywhere.
 */
export class Lines {
  readonly #outlet: Outlet;
  readonly #pieces: { text: string; bytes: number }[] = [];
  /** Whether a piece is on its way out, or the turn's end is waited for. */
  #isBusy = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Writes the line at the turn's end. */
  readonly write = (line: string): void => {
    const bytes = Buffer.byteLength(line);
    const last = this.#pieces.at(-1);
    if (last === undefined || last.bytes + bytes > WHOLE_BYTES) {
      this.#pieces.push({ text: line, bytes });
    } else {
      last.text += line;
      last.bytes += bytes;
    }
    if (this.#isBusy) return;
    this.#isBusy = true;
    setImmediate(this.#next);
  };

  /** Hands everything over now, for a process that ends: no turn of its will. */
  flush(): void {
    for (const { text } of this.#pieces.splice(0)) this.#outlet.write(text, () => {});
  }

  readonly #next = (): void => {
    const piece = this.#pieces.shift();
    this.#isBusy = piece !== undefined;
    if (piece !== undefined) this.#outlet.write(piece.text, this.#next);
  };
}
