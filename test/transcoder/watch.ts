// A watched book for stream tests: a source fed by hand, and ways to read what comes out.

import { create, type Message } from "@bufbuild/protobuf";
import type { RestResponse } from "../../src/transcoder/rest-message.ts";
import {
  Genre,
  type WatchBookResponse,
  WatchBookResponseSchema,
} from "./gen/library/v1/library_pb.ts";
import { openLibrary, type RequestExtras } from "./library.ts";

/** The watched book's path. */
export const target = "/v1/books/7/watch";
/** The RPC behind it. */
export const rpc = "library.v1.LibraryService/WatchBook";
/** Headers that ask for newline-delimited JSON. */
export const ndjson = { accept: "application/x-ndjson" };
/** One message. */
export const status = (sequence: number, genre: Genre = Genre.POETRY) =>
  create(WatchBookResponseSchema, { sequence, genre });

/** A source a test feeds by hand, and that tells whether it was released. */
export class Source implements AsyncIterableIterator<Message> {
  readonly #queue: IteratorResult<Message>[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<Message>> | undefined;
  /** How often a message was asked for. */
  asked = 0;
  /** How often it was released. */
  released = 0;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    this.asked++;
    const result = this.#queue.shift();
    if (result !== undefined) return Promise.resolve(result);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<Message>> {
    this.released++;
    return { done: true, value: undefined };
  }

  push(message: WatchBookResponse): void {
    this.#give({ done: false, value: message });
  }

  end(): void {
    this.#give({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#waiting?.reject(error);
  }

  #give(result: IteratorResult<Message>): void {
    if (this.#waiting === undefined) this.#queue.push(result);
    else this.#waiting.resolve(result);
    this.#waiting = undefined;
  }
}

/** The library whose watch streams a source. */
export function openWatch(source: AsyncIterable<Message>, heartbeatMs = 15_000) {
  const usual = { event: "status", idField: "sequence", resumeField: "after_sequence" };
  return openLibrary({ WatchBook: () => source }, { streams: { [rpc]: usual }, heartbeatMs });
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

/** Starts watching a source and hands out the chunks of the response. */
export async function openBody(source: Source, extras: RequestExtras = {}, heartbeatMs = 15_000) {
  const response = await openWatch(source, heartbeatMs).send("GET", target, extras);
  return { response, chunks: chunksOf(response) };
}

function chunksOf(response: RestResponse | null): AsyncIterator<Uint8Array> {
  const body = response?.body;
  if (!body || typeof body === "string") throw new Error("no stream");
  return body[Symbol.asyncIterator]();
}

/** The next chunk as text; undefined at the end. */
export async function textOf(chunks: AsyncIterator<Uint8Array>): Promise<string | undefined> {
  const { value, done } = await chunks.next();
  return done === true ? undefined : new TextDecoder().decode(value);
}

/** Reads one chunk and leaves, as `break` in a loop does. */
export async function breakOff(response: RestResponse | null): Promise<void> {
  if (response === null || response.body === null) throw new Error("no stream");
  for await (const _chunk of response.body) break;
}
