// Reads a request's body whole, up to a limit.

import { Buffer } from "node:buffer";
import { TapinError } from "../errors.ts";
import type { Soon } from "../transcoder/soon.ts";
import { headerOf, mayHaveBody, type Request } from "./exchange.ts";
import type { Waiting } from "./waiting.ts";

const NOTHING = new Uint8Array();

/**
 * The body's bytes. Fails with `body_too_large` above the limit, or with `canceled` when the caller
 * goes away or, as `waiting` tells, went away before.
 */
export function readBody(req: Request, maxBytes: number, waiting?: Waiting): Soon<Uint8Array> {
  const tooLarge = () =>
    new TapinError("BODY_TOO_LARGE", { sentence: `The body is larger than ${maxBytes} bytes.` });
  if (Number(headerOf(req, "content-length") ?? 0) > maxBytes) throw tooLarge();
  // A request that has closed tells nothing any more: waiting for its end would never be over.
  if (waiting?.isOver || req.destroyed) throw new TapinError("CANCELED");
  if (!mayHaveBody(req)) return NOTHING;
  const chunks: Uint8Array[] = [];
  let size = 0;
  return hearBody(req, {
    take(chunk) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge();
      chunks.push(chunk);
    },
    whole: () => Buffer.concat(chunks),
  });
}

/** What a body is heard from: a request, or a stream of HTTP/2. */
export interface BodySource {
  on(name: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(name: "end" | "error" | "close", listener: (cause?: unknown) => void): unknown;
  off(name: "data", listener: (chunk: Uint8Array) => void): unknown;
  off(name: "end" | "error" | "close", listener: (cause?: unknown) => void): unknown;
}

/** What is done with a body. */
export interface BodyHearer<T> {
  /** Takes a piece of it. */
  take(chunk: Uint8Array): void;
  /** What it comes to at its end. */
  whole(): T;
  /** Default: nobody stops waiting for it. */
  readonly waiting?: Waiting | undefined;
}

/**
 * Hears a body to its end, and answers what `whole` makes of it then. Rejects with the first thing
 * that `take` throws, which goes on hearing, or with `canceled` when the sender goes away; with a
 * wait, with its reason as soon as that is over.
 */
export function hearBody<T>(
  source: BodySource,
  { take, whole, waiting }: BodyHearer<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (work: () => void) => {
      try {
        work();
      } catch (error) {
        reject(error);
      }
    };
    const onData = (chunk: Uint8Array) => settle(() => take(chunk));
    const onEnd = () => {
      stop();
      settle(() => resolve(whole()));
    };
    const giveUp = (reason: unknown) => {
      stop();
      reject(reason);
    };
    const breakOff = (cause?: unknown) => giveUp(new TapinError("CANCELED", { cause }));
    // Every body closes, mostly after its end: an error that nobody gets would cost its stack. And
    // an answer that streams would hold on to what it was asked for as long as it stands.
    let forget = () => {};
    const stop = () => {
      source.off("data", onData);
      source.off("end", onEnd);
      source.off("error", breakOff);
      source.off("close", breakOff);
      forget();
    };
    source.on("data", onData);
    source.on("end", onEnd);
    source.on("error", breakOff);
    // A wait does not always tell: on Deno an answer that is queued behind another never closes.
    source.on("close", breakOff);
    if (waiting !== undefined) forget = waiting.onOver(giveUp);
  });
}
