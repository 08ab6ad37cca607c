// Reads the two forms of a REST stream: server-sent events (WHATWG HTML section 9.2) and
// newline-delimited JSON.

/** What came out of an event stream: an event, or a comment. */
export type StreamEntry =
  | { readonly kind: "event"; readonly event: string; readonly data: string; readonly id?: string }
  | { readonly kind: "comment"; readonly text: string };

/** The lines of a body, without their ends, as they arrive. Leaving it cancels the body. */
export async function* readLines(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** The events and comments of an event stream, as they arrive. */
export async function* readEvents(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<StreamEntry> {
  let fields: Record<string, string> = {};
  for await (const line of readLines(body)) {
    if (line.startsWith(":")) yield { kind: "comment", text: line.slice(1).trim() };
    else if (line !== "") {
      const [, name = "", value = ""] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
      fields[name] = value;
    } else {
      const { event = "message", data, id } = fields;
      if (data !== undefined) yield { kind: "event", event, data, ...(id !== undefined && { id }) };
      fields = {};
    }
  }
}
