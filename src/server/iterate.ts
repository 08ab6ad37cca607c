// A stream that tells its messages, for whoever iterates over them instead: connect-node.

import type { Message } from "@bufbuild/protobuf";
import type { TapinError } from "../errors.ts";
import type { AnswerOutflow } from "./running-stream.ts";

/**
 * The messages in turn; fails as the stream does. Nothing is begun before the first is asked for.
 * Whoever leaves early must end the call's wait, or the stream goes on.
 */
export async function* iterate(begin: (outflow: AnswerOutflow) => void): AsyncIterable<Message> {
  const messages: Message[] = [];
  let over: { readonly failure: TapinError | null } | null = null;
  let wake = () => {};
  begin({
    message(message, isBeat) {
      if (isBeat && messages.length > 0) return;
      messages.push(message);
      wake();
    },
    end(failure) {
      over = { failure };
      wake();
    },
  });
  const end = () => over;
  for (;;) {
    for (let next = messages.shift(); next !== undefined; next = messages.shift()) yield next;
    const ended = end();
    if (ended !== null) {
      if (ended.failure !== null) throw ended.failure;
      return;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
