// Vitest's globalSetup: one PostgreSQL for the whole run, told to the workers by the environment.

import { startOwnPostgres, type TestPostgres } from "./postgres.ts";

let server: TestPostgres | null = null;

/** Starts the server, unless TAPIN_TEST_DATABASE_URL names one already. */
export async function setup(): Promise<void> {
  if ((process.env.TAPIN_TEST_DATABASE_URL ?? "") !== "") return;
  server = await startOwnPostgres();
  process.env.TAPIN_TEST_DATABASE_URL = server.url;
}

/** Ends the server that was started. */
export async function teardown(): Promise<void> {
  await server?.stop();
}
