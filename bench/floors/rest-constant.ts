// Floor of REST status: `node:http` that always answers the same.

import { serveHttp1 } from "./listen.ts";

serveHttp1((_req, res) => {
  res.setHeader("content-type", "application/json").end('{"status":"pending"}');
});
