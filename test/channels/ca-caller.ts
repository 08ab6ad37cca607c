// A process for runtime-fetch.test.ts: asks a MAX API who the bot is, trusting the CA file it is
// given, and says what came of it.

import { createMaxClient } from "../../src/channels/max-client.ts";
import { maxErrors } from "../../src/channels/max-errors.ts";

const TOKEN = "max-token-0123456789";
const [apiUrl = "", caFile = ""] = process.argv.slice(2);
const client = createMaxClient({ token: TOKEN, apiUrl, caFile: caFile === "" ? null : caFile });
try {
  const { username } = await client.getMe(AbortSignal.timeout(10_000));
  process.stdout.write(`username ${username}\n`);
} catch (error) {
  const [line] = maxErrors(TOKEN).describe(error).split("\n");
  process.stdout.write(`error ${line}\n`);
}
