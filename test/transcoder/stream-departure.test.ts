// Silence in a stream, and that a reader who goes away, however it goes, leaves nothing behind.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WatchBookResponse } from "./gen/library/v1/library_pb.ts";
import { readResponse } from "./library.ts";
import {
  breakOff,
  ndjson,
  of,
  openBody,
  openWatch,
  Source,
  status,
  target,
  textOf,
} from "./watch.ts";

describe("silence and departure", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("breaks silence with a comment each heartbeat time, and with the last line in NDJSON", async () => {
    for (const [headers, sign] of [
      [{}, ": heartbeat\n\n"],
      [ndjson, '{"genre":"poetry","sequence":1}\n'],
    ] as const) {
      const source = new Source();
      source.push(status(1));
      const { chunks } = await openBody(source, { headers }, 1000);
      await textOf(chunks);
      for (let round = 0; round < 3; round++) {
        const chunk = textOf(chunks);
        await vi.advanceTimersByTimeAsync(999);
        expect(vi.getTimerCount()).toBe(1);
        await vi.advanceTimersByTimeAsync(1);
        expect(await chunk).toBe(sign);
        expect(vi.getTimerCount()).toBe(0);
      }
      const chunk = textOf(chunks);
      source.push(status(2));
      expect(await chunk).toContain('"sequence":2');
      expect(source.asked).toBe(2);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it("opens the stream after the heartbeat time when no first message came", async () => {
    const source = new Source();
    const opening = openBody(source, {}, 1000);
    await vi.advanceTimersByTimeAsync(1000);
    const { response, chunks } = await opening;
    expect(response?.status).toBe(200);
    expect(await textOf(chunks)).toBe("retry: 2000\n\n: heartbeat\n\n");
    const next = textOf(chunks);
    source.fail(new Error("late"));
    expect(await next).toBe('event: error\ndata: {"error":"late"}\n\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it("releases the source and the timer when the reader returns amid a wait", async () => {
    const source = new Source();
    source.push(status(1));
    const { chunks } = await openBody(source);
    await textOf(chunks);
    const waiting = textOf(chunks);
    expect(vi.getTimerCount()).toBe(1);
    expect(await chunks.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toBeUndefined();
    expect(source.released).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(await textOf(chunks)).toBeUndefined();
    await chunks.return?.();
    expect(source.released).toBe(1);
  });

  it("releases the source when the reader breaks off, without reading at all, and after the end", async () => {
    const source = new Source();
    source.push(status(1));
    const { response } = await openBody(source);
    await breakOff(response);
    expect(source.released).toBe(1);
    const unread = new Source();
    unread.push(status(1));
    const { chunks: unreadChunks } = await openBody(unread);
    await unreadChunks.return?.();
    expect(await textOf(unreadChunks)).toBeUndefined();
    expect(unread.released).toBe(1);
    const ended = new Source();
    ended.end();
    const { response: whole } = await openBody(ended);
    if (whole !== null) await readResponse(whole);
    expect(ended.released).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("releases the source at once when the signal aborts, even one stuck in an await", async () => {
    const controller = new AbortController();
    const source = new Source();
    source.push(status(1));
    const { chunks } = await openBody(source, { signal: controller.signal });
    await textOf(chunks);
    const waiting = textOf(chunks);
    controller.abort();
    expect(source.released).toBe(1);
    expect(await waiting).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    source.push(status(2));
    expect(await textOf(chunks)).toBeUndefined();
  });

  it("releases the source when the signal aborts and nobody reads, and while the first message is awaited", async () => {
    const controller = new AbortController();
    const stalled = new Source();
    stalled.push(status(1));
    await openBody(stalled, { signal: controller.signal });
    const pending = new Source();
    const opening = openBody(pending, { signal: controller.signal });
    await vi.advanceTimersByTimeAsync(1);
    controller.abort();
    expect(await textOf((await opening).chunks)).toBe("retry: 2000\n\n");
    expect([stalled.released, pending.released]).toEqual([1, 1]);
    const late = new Source();
    await openBody(late, { signal: controller.signal });
    expect(late.released).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("listens to the signal only while the stream lives", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    for (const source of [of(status(1)), of(status(1), new Error("x"))]) {
      await openWatch(source).call("GET", target, { signal });
    }
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([2, 2]);
  });

  it("runs the finally of a generator that is between messages", async () => {
    let cleaned = false;
    async function* source(): AsyncGenerator<WatchBookResponse> {
      try {
        yield status(1);
        yield status(2);
      } finally {
        cleaned = true;
      }
    }
    const response = await openWatch(source()).send("GET", target);
    await breakOff(response);
    expect(cleaned).toBe(true);
  });

  it("ignores a source that fails while it is released", async () => {
    const source = new Source();
    source.return = () => Promise.reject(new Error("cannot"));
    source.push(status(1));
    const { chunks } = await openBody(source);
    expect(await chunks.return?.()).toEqual({ done: true, value: undefined });
  });
});
