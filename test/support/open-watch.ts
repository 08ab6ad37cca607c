// A stream of WatchSession that a test leaves open, and what becomes of it.

import { CallError, type ContractClient, type WatchMessage } from "./contract-client.ts";

/** An open stream. None of its promises has to be awaited. */
export interface OpenWatch {
  /** Its first message: the stream stands. */
  readonly first: Promise<WatchMessage>;
  /** The code it is told; rejects when it ends without one. */
  readonly code: Promise<string>;
  /** How it ends: the reason of a refusal, or the last status. */
  readonly end: Promise<string>;
}

/** Opens it. `bearer` is the session's watch token, so that every watcher is the same recipient. */
export function openWatch(
  client: ContractClient,
  { sessionId, watchToken }: { readonly sessionId: string; readonly watchToken: string },
): OpenWatch {
  const first = Promise.withResolvers<WatchMessage>();
  const code = Promise.withResolvers<string>();
  const end = (async () => {
    let last = "";
    try {
      for await (const message of client.watchSession(sessionId, { bearer: watchToken })) {
        first.resolve(message);
        if (message.code !== undefined) code.resolve(message.code);
        last = message.status;
      }
    } catch (error) {
      last = error instanceof CallError ? error.reason : String(error);
    }
    const tooEarly = new Error(`the stream ended: ${last}`);
    first.reject(tooEarly);
    code.reject(tooEarly);
    return last;
  })();
  for (const { promise } of [first, code]) promise.catch(() => undefined);
  return { first: first.promise, code: code.promise, end };
}
