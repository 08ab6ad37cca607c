// Floor of watchers over server-sent events: `node:http` answers that say one event at once and a
// comment every 14 s, all from one timer.

import type { ServerResponse } from "node:http";
import { serveHttp1 } from "./listen.ts";

const PENDING = 'id: 2\nevent: status\ndata: {"status":"pending","opened":true,"sequence":2}\n\n';

const answers = new Set<ServerResponse>();
serveHttp1((_req, res) => {
  res.writeHead(200, { "content-type": "text/event-stream" });
  res.write(PENDING);
  answers.add(res);
  res.once("close", () => answers.delete(res));
});
setInterval(() => {
  for (const res of answers) res.write(":\n\n");
}, 14_000);
