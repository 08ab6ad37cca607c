// A process for light-fetch.test.ts: calls a URL and says what came of it.

import { lightFetch } from "../../src/channels/light-fetch.ts";

try {
  const answer = await lightFetch(process.argv[2] ?? "", { method: "POST", body: "{}" });
  process.stdout.write(JSON.stringify(await answer.json()));
} catch (error) {
  process.stdout.write(`error ${error instanceof Error ? error.message : error}`);
}
