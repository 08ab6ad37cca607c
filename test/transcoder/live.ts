// Streams of the transcoder for tests: sources that are iterated over, and bodies that can be.

import type { Message } from "@bufbuild/protobuf";
import type { LiveBody } from "../../src/transcoder/rest-message.ts";
import type { MessageSource } from "../../src/transcoder/stream-body.ts";

/** A source that tells what is iterated over. */
export function sourceOf(messages: AsyncIterable<Message>): MessageSource {
  return (outflow) => {
    const iterator = messages[Symbol.asyncIterator]();
    const pump = async () => {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        outflow.message(next.value, false);
      }
      outflow.end(null);
    };
    pump().catch((error: unknown) => outflow.end(error));
    return { stop: () => void iterator.return?.().catch(() => undefined) };
  };
}

/** The chunks of a body that is written from now on; whoever leaves stops it. */
export async function* chunksOf(body: LiveBody): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: Uint8Array[] = [];
  let isOver = false;
  let wake = () => {};
  body.start({
    write(bytes) {
      chunks.push(bytes);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
  });
  try {
    for (;;) {
      for (let next = chunks.shift(); next !== undefined; next = chunks.shift()) yield next;
      if (isOver) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    body.stop();
  }
}
