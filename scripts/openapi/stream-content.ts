// The content of a streamed answer: server-sent events and newline-delimited JSON. OpenAPI 3.1 has
// no word for the items of a stream; `x-itemSchema` is meant as `itemSchema` of OpenAPI 3.2.

import type { StreamOptions } from "../../src/transcoder/stream-setup.ts";
import type { Schema } from "./json-schema.ts";
import type { Scenario } from "./scenario.ts";

const ERROR = { $ref: "#/components/schemas/Error" };

/** Content by media type. Throws when one of them has no example. */
export function streamContent(
  message: Schema,
  { event, idField }: StreamOptions,
  scenarios: readonly Scenario[],
): Readonly<Record<string, Schema>> {
  const events = [
    eventSchema(event, message, { id: { type: "string", description: `The \`${idField}\`.` } }),
    eventSchema("end", { type: "object", maxProperties: 0 }),
    eventSchema("error", ERROR),
  ];
  return {
    "text/event-stream": {
      schema: {
        type: "string",
        description: [
          "Server-sent events (WHATWG HTML section 9.2). Heartbeats are comments.",
          `- \`${event}\`: one message, with its \`${idField}\` as \`id\``,
          "- `end`: nothing more will come",
          "- `error`: the stream broke off; the data is an error body. Watch again if it is retryable",
        ].join("\n"),
      },
      "x-itemSchema": { oneOf: events },
      examples: examplesOf("text/event-stream", scenarios),
    },
    "application/x-ndjson": {
      schema: {
        type: "string",
        description:
          "One message a line, as JSON. A heartbeat repeats the last line. A stream that breaks off ends with an error body as its last line.",
      },
      "x-itemSchema": { anyOf: [message, ERROR] },
      examples: examplesOf("application/x-ndjson", scenarios),
    },
  };
}

function eventSchema(event: string, data: Schema, more: Schema = {}): Schema {
  return {
    type: "object",
    properties: {
      event: { const: event },
      data: { type: "string", contentMediaType: "application/json", contentSchema: data },
      ...more,
    },
    required: ["event", "data"],
  };
}

function examplesOf(mediaType: string, scenarios: readonly Scenario[]): Schema {
  const shown = scenarios.filter((scenario) => scenario.mediaType === mediaType);
  if (shown.length === 0) throw new Error(`no example of ${mediaType}`);
  return Object.fromEntries(
    shown.map(({ name, summary, answer }) => [name, { summary, value: answer }]),
  );
}
