// A watched book for stream tests: a source fed by hand, and ways to read what comes out.

import { create, type Message } from "@bufbuild/protobuf";
import type { MessageOutflow, MessageSource } from "../../src/transcoder/stream-body.ts";
import {
  Genre,
  type WatchBookResponse,
  WatchBookResponseSchema,
} from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

export type { RequestExtras } from "./library.ts";

/** The watched book's path. */
export const target = "/v1/books/7/watch";
/** The RPC behind it. */
export const rpc = "library.v1.LibraryService/WatchBook";
/** Headers that ask for newline-delimited JSON. */
export const ndjson = { accept: "application/x-ndjson" };
/** One message. */
export const status = (sequence: number, genre: Genre = Genre.POETRY) =>
  create(WatchBookResponseSchema, { sequence, genre });

/** A source a test feeds by hand, and that tells whether it was stopped. */
export class Source {
  readonly #told: ((outflow: MessageOutflow) => void)[] = [];
  readonly #begun = Promise.withResolvers<void>();
  #outflow: MessageOutflow | null = null;
  /** How often it was stopped. */
  stopped = 0;

  /** Resolves when somebody is told. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** To be handed to the transcoder. */
  readonly start: MessageSource = (outflow) => {
    this.#begun.resolve();
    queueMicrotask(() => {
      this.#outflow = outflow;
      for (const tell of this.#told.splice(0)) tell(outflow);
    });
    return {
      stop: () => {
        this.stopped++;
      },
    };
  };

  tell(message: WatchBookResponse, isBeat = false): void {
    this.#say((outflow) => outflow.message(message, isBeat));
  }

  end(): void {
    this.#say((outflow) => outflow.end(null));
  }

  fail(error: Error): void {
    this.#say((outflow) => outflow.end(error));
  }

  #say(tell: (outflow: MessageOutflow) => void): void {
    if (this.#outflow === null) this.#told.push(tell);
    else tell(this.#outflow);
  }
}

/** The library whose watches stream these, one after the other. */
export function openWatch(...sources: (AsyncIterable<Message> | Source)[]) {
  const usual = { event: "status", idField: "sequence", resumeField: "after_sequence" };
  const WatchBook = () => {
    const source = sources.shift() ?? of();
    return source instanceof Source ? source.start : source;
  };
  return openLibrary({ WatchBook }, { streams: { [rpc]: usual } });
}

/** A source of given messages; an Error among them is thrown. */
export async function* of(
  ...messages: (WatchBookResponse | Error)[]
): AsyncGenerator<WatchBookResponse> {
  for (const message of messages) {
    if (message instanceof Error) throw message;
    yield message;
  }
}
