// The client of MAX's API against a server that answers what a test wants: what is sent, and how
// refusals, successes that are none, and broken answers come out.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMaxClient, type MaxClient } from "../../src/channels/max-client.ts";
import { MaxRefusal, MaxUnreached, maxErrors } from "../../src/channels/max-errors.ts";
import { inTrace, readTrace } from "../../src/trace.ts";

const TOKEN = "max-token-0123456789";
const SIGNAL = new AbortController().signal;
const errors = maxErrors(TOKEN);

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let server: http.Server;
let client: MaxClient;
let seen: Seen[];
let answer: { status?: number; body: string; headers?: Record<string, string> };

beforeEach(async () => {
  seen = [];
  answer = { body: '{"success":true}' };
  server = http.createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    seen.push({ method: req.method, url: req.url, headers: req.headers, body });
    res.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  client = createMaxClient({ token: TOKEN, apiUrl, caFile: null });
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("MaxClient", () => {
  it("sends the token in the header alone, without Bearer, and never in a URL", async () => {
    answer = { body: '{"user_id":31,"first_name":"Demo","username":"id1_bot","is_bot":true}' };
    expect(await client.getMe(SIGNAL)).toMatchObject({ user_id: 31, username: "id1_bot" });
    expect(seen[0]).toMatchObject({ method: "GET", url: "/me" });
    expect(seen[0]?.headers.authorization).toBe(TOKEN);
    expect(seen[0]?.url).not.toContain(TOKEN);
  });

  it("tells the trace of the request it works for, as a child, and none outside of one", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const parent = `00-${traceId}-00f067aa0ba902b7-01`;
    const headers = new Headers({ traceparent: parent, tracestate: "shop=1" });
    await inTrace(readTrace(headers), () => failureOf(client.getMe(SIGNAL)));
    await inTrace(readTrace(new Headers({ traceparent: "nonsense" })), () =>
      failureOf(client.getMe(SIGNAL)),
    );
    await failureOf(client.getMe(SIGNAL));
    const told = seen.map(({ headers: { traceparent, tracestate } }) => [traceparent, tracestate]);
    const child = expect.stringMatching(new RegExp(`^00-${traceId}-(?!00f067aa)[0-9a-f]{16}-01$`));
    expect(told).toEqual([
      [child, "shop=1"],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(seen[0]?.headers.authorization).toBe(TOKEN);
  });

  it("T4 sends a message by the person's id, as plain text and without previews", async () => {
    answer = { body: '{"message":{"body":{"mid":"mid.1","seq":116328147937082782}}}' };
    const body = { text: "Привет <b>*x*</b>", attachments: [] };
    expect(await client.sendMessage("5151", body)).toBe("mid.1");
    expect(seen[0]?.url).toBe("/messages?user_id=5151&disable_link_preview=true");
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual(body);
  });

  it("makes every other call as the API has it", async () => {
    const body = { text: "x", attachments: [] };
    await client.editMessage("mid.1", body);
    await client.answer("cb/1", { message: body });
    await client.subscribe({ url: "https://a.example/h", secret: "s", update_types: [] }, SIGNAL);
    await client.unsubscribe("https://a.example/h?x=1", SIGNAL);
    await client.setCommands([{ name: "stop", description: "d" }], SIGNAL);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "PUT /messages?message_id=mid.1",
      "POST /answers?callback_id=cb%2F1&disable_link_preview=true",
      "POST /subscriptions",
      "DELETE /subscriptions?url=https%3A%2F%2Fa.example%2Fh%3Fx%3D1",
      "PATCH /me/commands",
    ]);
  });

  it("asks for updates without a marker first, then from it, digit by digit beyond 2^53", async () => {
    answer = {
      body: '{"updates":[{"update_type":"x","timestamp":1}],"marker":116328147937082782}',
    };
    const query = { marker: null, timeoutSeconds: 0, types: ["bot_started", "message_created"] };
    const { marker } = await client.getUpdates(query, SIGNAL);
    expect(marker).toBe("116328147937082782");
    await client.getUpdates({ ...query, marker }, SIGNAL);
    expect(
      seen.map(({ url }) => new URL(url ?? "", "http://x").searchParams.get("marker")),
    ).toEqual([null, "116328147937082782"]);
    expect(seen[0]?.url).toContain("types=bot_started%2Cmessage_created");
    answer = { body: '{"updates":[],"marker":0}' };
    expect((await client.getUpdates(query, SIGNAL)).marker).toBe(0);
    answer = { body: '{"updates":[],"marker":null}' };
    expect((await client.getUpdates(query, SIGNAL)).marker).toBeNull();
  });

  it.each([
    [401, '{"code":"verify.token","message":"Invalid access_token"}', "wrong_token"],
    [403, '{"code":"deprecated.token","message":"x"}', "wrong_token"],
    [403, '{"code":"chat.denied","message":"x"}', "blocked"],
    [404, '{"code":"not.found","message":"Chat not found"}', "gone"],
    [429, '{"code":"what.ever","message":"x"}', "too_many"],
    [
      400,
      '{"code":"x","message":"Must have only http/https links format in buttons"}',
      "link_refused",
    ],
    [400, '{"code":"proto.payload","message":"message or notification required"}', "refused"],
    [500, '{"code":"x","message":"x"}', "unreached"],
    [503, "<html>down</html>", "unreached"],
    [200, '{"success":false,"message":"Message not found"}', "gone"],
    [200, '{"success":false,"message":"no"}', "refused"],
    [200, '{"code":"chat.denied","message":"x"}', "blocked"],
    [200, "<html>a proxy's page</html>", "unreached"],
    [200, "[]", "unreached"],
    [400, "no JSON", "refused"],
  ])("reads %i %s as %s", async (status, body, failure) => {
    answer = { status, body };
    const error = await failureOf(client.editMessage("mid.1", { text: "x", attachments: [] }));
    expect(errors.failureOf(error)).toBe(failure);
    expect(errors.describe(error)).toContain("PUT /messages");
  });

  it.each([
    ["7", 7],
    ["0", 0],
    [undefined, 1],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 1],
  ])("waits after a 429 with Retry-After %j for %i s", async (header, seconds) => {
    const headers = header === undefined ? {} : { "retry-after": header };
    answer = { status: 429, body: '{"code":"x","message":"x"}', headers };
    const error = await failureOf(client.getMe(SIGNAL));
    expect(errors.retryAfterSeconds(error)).toBe(seconds);
  });

  it("does not send a message twice because its answer cannot be read", async () => {
    answer = { body: '{"success":true}' };
    const error = await failureOf(client.sendMessage("1", { text: "x", attachments: [] }));
    expect(error).toBeInstanceOf(MaxRefusal);
    expect(errors.failureOf(error)).toBe("refused");
  });

  it("does not carry the token to where a redirect points", async () => {
    answer = { status: 307, body: "", headers: { location: "/elsewhere" } };
    expect(await failureOf(client.getMe(SIGNAL))).toBeInstanceOf(MaxUnreached);
    expect(seen).toHaveLength(1);
  });

  it("T18 tells an error without the token and without the query of a URL", async () => {
    answer = { status: 400, body: `{"code":"x","message":"${TOKEN} https://a.example/?code=C"}` };
    const text = errors.describe(await failureOf(client.getMe(SIGNAL)));
    expect(text).toBe("GET /me: 400 x <token> https://a.example/?<query>");
  });

  it("ends with the signal", async () => {
    const leaving = new AbortController();
    const call = failureOf(client.getMe(leaving.signal));
    leaving.abort();
    expect(await call).toBeInstanceOf(MaxUnreached);
  });
});
