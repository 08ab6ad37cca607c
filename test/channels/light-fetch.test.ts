// The calls of a bot are made as the runtime's `fetch` makes them, whatever is answered.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lightFetch } from "../../src/channels/light-fetch.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const servers: http.Server[] = [];
let url: string;
let connections = 0;

async function listen(server: http.Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const server = http.createServer(async (req, res) => {
    const pieces: Buffer[] = [];
    for await (const piece of req) pieces.push(piece as Buffer);
    if (req.url === "/moved") return res.writeHead(307, { location: "/there" }).end();
    if (req.url === "/page") return res.writeHead(502).end("<html>");
    if (req.url === "/broken") {
      res.writeHead(200, { "content-length": "100" }).write("{");
      return setTimeout(() => res.destroy(), 20);
    }
    if (req.url === "/silent") return undefined;
    const { method, headers } = req;
    return res.end(JSON.stringify({ method, headers, body: Buffer.concat(pieces).toString() }));
  });
  server.on("connection", () => {
    connections += 1;
  });
  url = `http://127.0.0.1:${await listen(server)}`;
});

afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const CALL = { method: "POST", body: '{"text":"Привет"}', headers: { "x-trace": "1" } };

async function called(path: string, call: RequestInit = CALL): Promise<unknown> {
  return await (await lightFetch(url + path, call)).json();
}

it("lightFetch sends method, headers and text, and says as much of itself as fetch", async () => {
  const own = (await (await fetch(url)).json()) as { headers: Record<string, string> };
  expect(await called("/")).toMatchObject({
    method: "POST",
    body: CALL.body,
    headers: { "x-trace": "1", accept: "*/*", "user-agent": own.headers["user-agent"] },
  });
});

it("lightFetch follows a redirect", async () => {
  expect(await called("/moved")).toMatchObject({ method: "POST", body: CALL.body });
});

it("lightFetch keeps its connection", async () => {
  await called("/");
  const before = connections;
  for (let call = 0; call < 5; call += 1) await called("/");
  expect(connections).toBe(before);
});

it("lightFetch rejects what is no JSON, what breaks off, what is aborted and what is not there", async () => {
  await expect(called("/page")).rejects.toThrow(SyntaxError);
  await expect(called("/broken")).rejects.toThrow();
  await expect(called("/silent", { signal: AbortSignal.timeout(50) })).rejects.toThrow();
  await expect(lightFetch("http://127.0.0.1:1/", CALL)).rejects.toThrow();
  await expect(lightFetch("no address", CALL)).rejects.toThrow();
});

it("lightFetch takes the scheme in any case", async () => {
  const error = await lightFetch("HTTPS://127.0.0.1:1/", CALL).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(Error);
  expect((error as NodeJS.ErrnoException).code ?? "").not.toBe("ERR_INVALID_PROTOCOL");
});

it("lightFetch trusts the certificates that the runtime trusts, and no others", async () => {
  const key = readFileSync(file("../support/tls/server-key.pem"));
  const cert = readFileSync(file("../support/tls/server.pem"));
  const port = await listen(https.createServer({ key, cert }, (_, res) => res.end("[1]")));
  const ask = async (env: NodeJS.ProcessEnv) => {
    const args = [file("./light-caller.ts"), `https://127.0.0.1:${port}`];
    const runtime = "Deno" in globalThis ? ["run", "-A", ...args] : args;
    const options = { env: { ...process.env, ...env } };
    return (await promisify(execFile)(process.execPath, runtime, options)).stdout;
  };
  const variable = "Deno" in globalThis ? "DENO_CERT" : "NODE_EXTRA_CA_CERTS";
  expect(await ask({ [variable]: file("../support/tls/ca.pem") })).toBe("[1]");
  expect(await ask({ [variable]: "" })).toMatch(/^error /);
});
