// Content negotiation by the Accept header.

import { describe, expect, it } from "vitest";
import { negotiate } from "../../src/transcoder/accept.ts";

const json = ["application/json"];
const streams = ["text/event-stream", "application/x-ndjson"];

describe("negotiate", () => {
  it.each<[string | null, string | null]>([
    [null, "application/json"],
    ["", "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
    ["application/json", "application/json"],
    ["Application/JSON", "application/json"],
    ["application/json; charset=utf-8", "application/json"],
    ["text/html, application/json;q=0.1", "application/json"],
    ["text/html;q=1, */*;q=0.1", "application/json"],
    ["application/json;q=2", "application/json"],
    ["text/html", null],
    ["text/*", null],
    ["application/xml", null],
    ["application/json;q=0", null],
    ["application/json;q=0.000, */*", null],
    ["*/*;q=0", null],
    ["application/jsonx", null],
    [",", null],
  ])("of %s for JSON is %s", (accept, expected) => {
    expect(negotiate(accept, json)).toBe(expected);
  });

  it.each<[string | null, string | null]>([
    [null, "text/event-stream"],
    ["*/*", "text/event-stream"],
    ["text/*", "text/event-stream"],
    ["text/event-stream", "text/event-stream"],
    ["application/x-ndjson", "application/x-ndjson"],
    ["application/*", "application/x-ndjson"],
    ["application/x-ndjson, */*", "application/x-ndjson"],
    ["text/event-stream;q=0.5, application/x-ndjson;q=0.9", "application/x-ndjson"],
    ["application/x-ndjson, text/event-stream", "text/event-stream"],
    ["text/event-stream;q=0, */*;q=0.1", "application/x-ndjson"],
    ["application/json", null],
    ["text/html", null],
  ])("of %s for streams is %s", (accept, expected) => {
    expect(negotiate(accept, streams)).toBe(expected);
  });
});
