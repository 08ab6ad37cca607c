// Vitest's setup of every test file: after all its tests no secret may have leaked, or the file
// fails.

import { afterAll, expect } from "vitest";
import { takeLeaks } from "./leaks.ts";

afterAll(() => {
  expect(takeLeaks(), "secrets were read where they must not be").toEqual([]);
});
