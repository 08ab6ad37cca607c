// TLS on the one port: every protocol over it, a certificate that is renewed while it runs, and
// files that are no good. On Node and on Deno.

import { once } from "node:events";
import { copyFile, readFile, rm } from "node:fs/promises";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { text } from "node:stream/consumers";
import * as tls from "node:tls";
import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata, makeClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { failToStart } from "../support/failed-start.ts";
import { makeDataDir, RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const file = (name: string) => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const ADMIN = "tapin.admin.v1.AdminService";

describe.each(RUNTIMES)("TLS on %s", { timeout: 60_000 }, (runtime) => {
  let folder: Awaited<ReturnType<typeof makeDataDir>>;
  let tapin: Tapin;
  let ca: string;
  const path = (name: string) => `${root}${folder.path}/${name}`;
  beforeAll(async () => {
    ca = await readFile(file("ca.pem"), "utf8");
    folder = await makeDataDir();
    await copyFile(file("server.pem"), path("cert.pem"));
    await copyFile(file("server-key.pem"), path("key.pem"));
    tapin = await startTapin({
      runtime,
      env: {
        TAPIN_TLS_CERT: `${folder.path}/cert.pem`,
        TAPIN_TLS_KEY: `${folder.path}/key.pem`,
      },
    });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
    await folder.remove();
  });
  const port = () => Number(new URL(tapin.url).port);
  const said = (event: string) =>
    awaitCondition(event, async () => tapin.output().includes(`"${event}"`));
  const bearer = () => ({ authorization: `Bearer ${tapin.adminToken}` });

  it("is said in the URL, and serves no pretend messengers", async () => {
    expect(tapin.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(tapin.apiKey).toBe("");
  });

  it("speaks REST over HTTP/1.1, on a kept connection", async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca });
    for (const _ of [1, 2, 3]) {
      const request = https.get(`${tapin.url}/v1/admin/projects`, { agent, headers: bearer() });
      const [answer] = await once(request, "response");
      expect([answer.statusCode, answer.httpVersion]).toEqual([200, "1.1"]);
      expect(JSON.parse(await text(answer))).toMatchObject({ projects: [] });
    }
    agent.destroy();
  });

  it("speaks REST and Connect over HTTP/2, as agreed by ALPN", async () => {
    const session = http2.connect(tapin.url, { ca });
    const rest = session.request({ ":path": "/v1/admin/projects", ...bearer() });
    expect((await once(rest, "response"))[0][":status"]).toBe(200);
    expect(JSON.parse(await text(rest))).toMatchObject({ projects: [] });
    const connect = session.request({
      ":method": "POST",
      ":path": `/${ADMIN}/ListProjects`,
      "content-type": "application/json",
      ...bearer(),
    });
    connect.end("{}");
    expect((await once(connect, "response"))[0][":status"]).toBe(200);
    expect(JSON.parse(await text(connect))).toEqual({});
    session.close();
  });

  it("speaks gRPC", async () => {
    const definition = loadSync("tapin/admin/v1/admin.proto", {
      includeDirs: [`${root}proto`, `${root}third_party`],
    })[ADMIN];
    const Admin = makeClientConstructor(definition as never, "AdminService");
    const client = new Admin(`localhost:${port()}`, credentials.createSsl(Buffer.from(ca)));
    const metadata = new Metadata();
    metadata.set("authorization", bearer().authorization);
    const answer = await new Promise((resolve, reject) => {
      client.ListProjects?.({}, metadata, (error: Error | null, value: unknown) =>
        error === null ? resolve(value) : reject(error),
      );
    });
    expect(answer).toEqual({});
    Client.prototype.close.call(client);
  });

  it("closes on who speaks cleartext, and serves the others", async () => {
    const socket = net.connect(port(), "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "close");
    const [answer] = await once(https.get(`${tapin.url}/healthz`, { ca }), "response");
    expect(answer.statusCode).toBe(200);
    answer.resume();
  });

  it("takes a renewed certificate without a restart, and keeps the old one while the new is unusable", async () => {
    const before = https.get(`${tapin.url}/healthz`, { ca, agent: new https.Agent({ ca }) });
    (await once(before, "response"))[0].resume();
    await rm(path("key.pem"));
    await copyFile(file("renewed.pem"), path("cert.pem"));
    await said("certificate_unusable");
    expect(await nameOnCertificate(port())).not.toBe("renewed");
    await copyFile(file("renewed-key.pem"), path("key.pem"));
    await said("certificate_renewed");
    expect(await nameOnCertificate(port())).toBe("renewed");
    expect(tapin.output()).not.toContain("PRIVATE KEY");
  });

  it("does not start with files that are missing or do not belong together", async () => {
    const missing = { TAPIN_TLS_CERT: "nowhere.pem", TAPIN_TLS_KEY: `${folder.path}/key.pem` };
    const settings = { TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" };
    const first = await failToStart(runtime, { ...settings, ...missing });
    expect(first.code).toBe(1);
    expect(first.complaint + first.log).toContain("TAPIN_TLS_CERT cannot be read (ENOENT)");
    const foreign = {
      TAPIN_TLS_CERT: "test/support/tls/server.pem",
      TAPIN_TLS_KEY: "test/support/tls/renewed-key.pem",
    };
    const second = await failToStart(runtime, { ...settings, ...foreign });
    expect(second.code).toBe(1);
    expect(second.complaint + second.log).toContain(
      "do not hold a certificate and its private key",
    );
  });
});

/** Whom the server says it is to a newcomer. */
async function nameOnCertificate(port: number): Promise<unknown> {
  const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}
