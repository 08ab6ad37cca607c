// Heartbeats in a stream, and that a reader who goes away, whenever it goes, leaves nothing behind.

import { describe, expect, it } from "vitest";
import type { LiveBody, RestResponse } from "../../src/transcoder/rest-message.ts";
import { ndjson, openWatch, type RequestExtras, Source, status, target } from "./watch.ts";

const utf8 = new TextDecoder();

/** The body of a stream whose source tells what the test lets it. */
async function open(source: Source, extras: RequestExtras = {}) {
  const response = await openWatch(source).send("GET", target, extras);
  return { response, body: bodyOf(response) };
}

function bodyOf(response: RestResponse | null): LiveBody {
  const body = response?.body;
  if (!body || typeof body === "string") throw new Error("no stream");
  return body;
}

/** What is written, beats in brackets, and `end`. */
function record(body: LiveBody): string[] {
  const written: string[] = [];
  body.start({
    write: (bytes, isBeat) => written.push(isBeat ? `[${utf8.decode(bytes)}]` : utf8.decode(bytes)),
    end: () => written.push("end"),
  });
  return written;
}

const event = (sequence: number) =>
  `id: ${sequence}\nevent: status\ndata: {"genre":"poetry","sequence":${sequence}}\n\n`;

describe("a stream", () => {
  it("is written as it is told: the first chunk opens it, a beat is a comment and known for one", async () => {
    const source = new Source();
    source.tell(status(1));
    const written = record((await open(source)).body);
    source.tell(status(1), true);
    source.tell(status(2));
    source.end();
    expect(written).toEqual([
      `retry: 2000\n\n${event(1)}`,
      "[: heartbeat\n\n]",
      event(2),
      "event: end\ndata: {}\n\n",
      "end",
    ]);
    expect(source.stopped).toBe(0);
  });

  it("repeats the line for a beat in NDJSON", async () => {
    const source = new Source();
    const message = status(1);
    source.tell(message);
    const written = record((await open(source, { headers: ndjson })).body);
    source.tell(message, true);
    const line = '{"genre":"poetry","sequence":1}\n';
    expect(written).toEqual([line, `[${line}]`]);
  });

  it("keeps what is told before anybody writes it", async () => {
    const source = new Source();
    source.tell(status(1));
    const { body } = await open(source);
    source.tell(status(2));
    source.end();
    expect(record(body)).toEqual([
      `retry: 2000\n\n${event(1)}`,
      event(2),
      "event: end\ndata: {}\n\n",
      "end",
    ]);
  });

  it("that is the same message object for many is the same bytes for all", async () => {
    const [first, second] = [new Source(), new Source()];
    const library = openWatch(first, second);
    const message = status(2);
    const written: Uint8Array[] = [];
    for (const source of [first, second]) {
      source.tell(status(1));
      const body = bodyOf(await library.send("GET", target));
      body.start({ write: (bytes) => written.push(bytes), end: () => {} });
      source.tell(message);
    }
    expect(written).toHaveLength(4);
    expect(written[1]).toBe(written[3]);
    expect(written[0]).not.toBe(written[2]);
  });

  it("stops its source when it is stopped, before it is written and after, and says no more", async () => {
    const unread = new Source();
    unread.tell(status(1));
    (await open(unread)).body.stop();
    expect(unread.stopped).toBe(1);
    const source = new Source();
    source.tell(status(1));
    const { body } = await open(source);
    const written = record(body);
    body.stop();
    source.tell(status(2));
    source.fail(new Error("late"));
    expect(source.stopped).toBe(1);
    expect(written).toHaveLength(1);
  });

  it("tells an error once it has begun, and is refused with it before", async () => {
    const source = new Source();
    source.tell(status(1));
    const written = record((await open(source)).body);
    source.fail(new Error("late"));
    expect(written.slice(1)).toEqual(['event: error\ndata: {"error":"late"}\n\n', "end"]);
    const refused = new Source();
    const opening = openWatch(refused).call("GET", target);
    await refused.begun;
    refused.fail(new Error("early"));
    expect(await opening).toMatchObject({ status: 500, json: { error: "early" } });
  });
});
