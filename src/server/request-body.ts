// Reads a request's body whole, up to a limit.

import { Buffer } from "node:buffer";
import { TapinError } from "../errors.ts";
import type { Soon } from "../transcoder/soon.ts";
import { headerOf, mayHaveBody, type Request } from "./exchange.ts";
import type { Waiting } from "./waiting.ts";

const NOTHING = new Uint8Array();

/**
 * The body's bytes. Fails with `body_too_large` above the limit, or with `canceled` when the caller goes
 * away or, as `waiting` tells, went away before.
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
  return new Promise((resolve, reject) => {
    const onData = (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > maxBytes) reject(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = () => {
      stop();
      resolve(Buffer.concat(chunks));
    };
    const breakOff = (cause?: unknown) => {
      stop();
      reject(new TapinError("CANCELED", { cause }));
    };
    // Every request closes, mostly after its end: an error that nobody gets would cost its stack. And an answer that
    // streams would hold on to what it was asked for as long as it stands.
    const stop = () => {
      req.off("data", onData);
      req.off("end", onEnd);
      req.off("error", breakOff);
      req.off("close", breakOff);
    };
    req.on("data", onData);
    req.on("end", onEnd);
    req.on("error", breakOff);
    req.on("close", breakOff);
  });
}
