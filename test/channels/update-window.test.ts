// Which updates are confirmed to the server, and when.

import { describe, expect, it } from "vitest";
import { createUpdateWindow } from "../../src/channels/update-window.ts";

describe("createUpdateWindow", () => {
  it("asks from the first update that is not handled, whatever came after it", () => {
    const window = createUpdateWindow();
    expect(window.advance()).toBeNull();
    for (const id of [10, 11, 12]) expect(window.admit(id)).toBe(true);
    window.finish(11);
    expect(window.advance()).toBe(10);
    window.finish(10);
    expect(window.advance()).toBe(12);
    window.finish(12);
    expect(window.advance()).toBe(13);
  });

  it("knows an update that the server sends again, handled or not", () => {
    const window = createUpdateWindow();
    window.admit(10);
    window.admit(11);
    window.finish(11);
    expect(window.admit(10)).toBe(false);
    expect(window.admit(11)).toBe(false);
    expect(window.running).toBe(1);
  });

  it("takes a lower id after a week of silence and goes on from there", () => {
    const window = createUpdateWindow();
    window.admit(900);
    window.finish(900);
    expect(window.advance()).toBe(901);
    expect(window.admit(5)).toBe(true);
    window.finish(5);
    expect(window.advance()).toBe(6);
  });

  it("finishing twice counts once", async () => {
    const window = createUpdateWindow();
    window.admit(1);
    window.admit(2);
    window.finish(1);
    window.finish(1);
    expect(window.running).toBe(1);
    const idle = window.idle();
    window.finish(2);
    await idle;
    expect(window.running).toBe(0);
    await window.idle();
  });
});
