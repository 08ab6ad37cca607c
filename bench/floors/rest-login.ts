// Floor of REST CreateSession and VerifyCode: `node:http` and `pg`, a body parsed, a statement run,
// an answer written. No validation, no limits, no log, no errors but 500.

import type { IncomingMessage } from "node:http";
import { serveHttp1 } from "./listen.ts";
import { createSession, verifyCode } from "./login-tables.ts";

serveHttp1((req, res) => {
  answer(req).then(
    (body) => res.setHeader("content-type", "application/json").end(JSON.stringify(body)),
    () => res.writeHead(500).end(),
  );
});

async function answer(req: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString());
  if (req.url === "/v1/auth/session") {
    const { sessionId, watchToken } = await createSession(body.state);
    return {
      session_id: sessionId,
      telegram_link: null,
      max_link: null,
      expires_in: 300,
      interval: 2,
      watch_token: watchToken,
    };
  }
  const profile = await verifyCode(body.code);
  if (profile === null) throw new Error("the code is not valid");
  return profile;
}
