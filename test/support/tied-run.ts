// What a run of tests does: starts a service, says which one it is, and waits to be killed.

import { type Runtime, startTapin } from "./tapin.ts";

const tapin = await startTapin({ runtime: process.argv[2] as Runtime });
process.stdout.write(`${tapin.url}\n`);
setInterval(() => {}, 60_000);
