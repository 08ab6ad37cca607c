// What may be there at once is gone on with at once, and what fails, now or later, is taken by the
// same hands.

import { expect, it } from "vitest";
import { attempt, whenThere } from "../../src/transcoder/soon.ts";

it("whenThere goes on at once with a value, and later with a promise's", async () => {
  expect(whenThere(1, (value) => value + 1)).toBe(2);
  const later = whenThere(Promise.resolve(1), (value) => value + 1);
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toBe(2);
});

it("attempt answers what the work comes to, at once or later", async () => {
  const never = () => expect.unreachable();
  expect(attempt(() => 1, never)).toBe(1);
  expect(await attempt(async () => 1, never)).toBe(1);
});

it("attempt hands on what is thrown, and what a promise rejects with", async () => {
  const thrown = () => {
    throw new Error("now");
  };
  const rejected = async () => {
    throw new Error("later");
  };
  const told = (error: unknown) => (error as Error).message;
  expect(attempt<string>(thrown, told)).toBe("now");
  expect(await attempt<string>(rejected, told)).toBe("later");
});
