// Deadlines are kept: the answer comes when the time is up, although the work ignores its signal
// and goes on. Measured on a server in this process whose operations answer only when the test lets
// them; then on real services with a held database.

import { availableParallelism, loadavg } from "node:os";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { NO_OBSERVER } from "../../src/core/observer.ts";
import type { Store } from "../../src/core/ports.ts";
import { DEFAULT_DEADLINE_MS } from "../../src/server/deadline.ts";
import { createFront } from "../../src/server/front.ts";
import { createLimits } from "../../src/server/limit.ts";
import { createListener, type Listener } from "../../src/server/listener.ts";
import { type Operation, serverStream } from "../../src/server/operation.ts";
import { createPipeline } from "../../src/server/pipeline.ts";
import { createRest } from "../../src/server/rest.ts";
import { createRpc } from "../../src/server/rpc.ts";
import { expectRefusal } from "../matrix/outcome.ts";
import { type Ask, closeGrpc, DIALECTS, SPEAK } from "../matrix/speak.ts";
import type { DialectName } from "../support/contract-client.ts";
import { printFigure } from "../support/figure.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { type Stage, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { DEFAULT_SIZES, NO_LIMITS } from "../support/test-ports.ts";
import { askHttp2, openHttp2 } from "./raw-http.ts";

const { getLink, createSession, getSessionStatus, watchSession, cancelSession, verifyCode } =
  AuthService.method;
const SESSION = { sessionId: "aBcDeFgH12345678" };

/** Work that ends only when the test says so. */
function makeWork() {
  let finish: (outcome: "answer" | "failure") => void = () => {};
  let begun = 0;
  const outcome = new Promise<"answer" | "failure">((resolve) => {
    finish = resolve;
  });
  const run = async () => {
    begun += 1;
    if ((await outcome) === "failure") throw new Error("the work failed");
  };
  return { run, finish: (how: "answer" | "failure") => finish(how), begun: () => begun };
}

type Work = ReturnType<typeof makeWork>;

function operationsFor(work: () => Work): readonly Operation[] {
  const access = "anybody";
  const unary = [getLink, createSession, getSessionStatus, cancelSession, verifyCode] as const;
  return [
    ...unary.map(
      (method): Operation => ({
        method,
        access,
        async run() {
          await work().run();
          return create(method.output) as Message;
        },
      }),
    ),
    serverStream(watchSession, access, async function* () {
      yield { sequence: 1 };
      await work().run();
    }),
  ];
}

interface InProcess {
  readonly url: string;
  readonly listener: Listener;
  readonly lines: string[];
}

async function startInProcess(work: () => Work, deadlineMs: number): Promise<InProcess> {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  const pipeline = createPipeline({
    operations: operationsFor(work),
    // Operations for anybody: no store is ever asked.
    authority: { store: {} as Store, adminToken: null },
    limits: createLimits(NO_LIMITS, null),
    validate: () => {},
    observer: NO_OBSERVER,
    log,
    deadlineMs,
  });
  const { signal: stopping } = new AbortController();
  const common = { stopping, maxBodyBytes: DEFAULT_SIZES.bodyBytes, log };
  const front = createFront({
    rpc: createRpc([AuthService], pipeline, common),
    rest: createRest([AuthService], pipeline, common),
    routes: [],
    isOrigin: async () => false,
    trustedProxies: [],
    sizes: DEFAULT_SIZES,
    log,
  });
  const listener = createListener(front, { certificate: null, sizes: DEFAULT_SIZES });
  const { port } = await listener.listen(0, "127.0.0.1");
  return { url: `http://127.0.0.1:${port}`, listener, lines };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

describe("a deadline in process", () => {
  const DEFAULT_MS = 300;
  let work: Work;
  let server: InProcess;
  beforeAll(async () => {
    server = await startInProcess(() => work, DEFAULT_MS);
  });
  afterAll(async () => {
    closeGrpc(server.url);
    await server.listener.close(0);
  });
  beforeEach(() => {
    work = makeWork();
  });
  afterEach(() => work.finish("answer"));

  const ask = (dialect: DialectName, method: DescMethod, more: Partial<Ask> = {}) => {
    const request = create(method.input, (method === getLink ? {} : SESSION) as never);
    return SPEAK[dialect](server.url, { method, request, bearer: null, ...more });
  };

  /** Milliseconds after its time at which each refusal came. */
  async function deviations(
    dialect: DialectName,
    method: DescMethod,
    { timeoutMs, expectedMs }: { timeoutMs?: number; expectedMs: number },
  ): Promise<readonly number[]> {
    const found: number[] = [];
    for (let turn = 0; turn < 9; turn += 1) {
      const startedAt = performance.now();
      const outcome = await ask(dialect, method, timeoutMs === undefined ? {} : { timeoutMs });
      const isStream = method.methodKind !== "unary";
      // The first turn opens the connection and compiles the code.
      if (turn > 0) found.push(performance.now() - startedAt - expectedMs);
      expectRefusal(outcome, "DEADLINE_EXCEEDED", { dialect, isStream });
      if (isStream) expect(outcome.messages).toHaveLength(1);
    }
    return found;
  }

  function judge(what: string, found: readonly number[]): void {
    const worst = Math.max(...found.map(Math.abs));
    printFigure(what, `median ${median(found).toFixed(1)} ms late, worst ${worst.toFixed(1)} ms`);
    expect(Math.min(...found)).toBeGreaterThan(-20);
    // Other work on the machine makes timers late, so the goal is demanded only where the machine
    // is quiet.
    const isQuiet = (loadavg()[0] ?? 0) < availableParallelism();
    expect(median(found)).toBeLessThan(isQuiet ? 20 : 250);
  }

  const withDeadline = DIALECTS.filter((dialect) => dialect !== "REST");
  it.each(withDeadline)("%s: the caller's deadline is kept by unary calls", async (dialect) => {
    const found = await deviations(dialect, getLink, { timeoutMs: 120, expectedMs: 120 });
    judge(`deadline of 120 ms, unary, ${dialect}`, found);
    expect(work.begun()).toBe(9);
  });

  it.each(withDeadline)("%s: the caller's deadline is kept by streams", async (dialect) => {
    const found = await deviations(dialect, watchSession, { timeoutMs: 120, expectedMs: 120 });
    judge(`deadline of 120 ms, stream, ${dialect}`, found);
  });

  it.each(DIALECTS)("%s: without a deadline the server's own is kept", async (dialect) => {
    const found = await deviations(dialect, getLink, { expectedMs: DEFAULT_MS });
    judge(`the server's deadline of ${DEFAULT_MS} ms, ${dialect}`, found);
  });

  it.each(withDeadline)(
    "%s: absurd deadlines are no more than the server's own",
    async (dialect) => {
      const name = dialect.startsWith("Connect") ? "connect-timeout-ms" : "grpc-timeout";
      const texts =
        name === "grpc-timeout" ? ["99999999H", "2147484S"] : ["9999999999", String(2 ** 31)];
      for (const text of texts) {
        const startedAt = performance.now();
        const outcome = await ask(dialect, getLink, { headers: { [name]: text } });
        expectRefusal(outcome, "DEADLINE_EXCEEDED", { dialect, isStream: false });
        expect(performance.now() - startedAt).toBeGreaterThan(DEFAULT_MS - 20);
      }
    },
  );

  it("work that was given up goes on, and its failure is logged, not thrown at the process", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    for (const dialect of withDeadline) await ask(dialect, createSession, { timeoutMs: 30 });
    const told = server.lines.length;
    work.finish("failure");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    const late = server.lines.slice(told).map((line) => JSON.parse(line));
    expect(late).toHaveLength(withDeadline.length);
    for (const line of late) {
      expect(line).toMatchObject({ event: "late_failure", reason: "INTERNAL", level: 50 });
    }
  });

  it("a body that never comes is no reason to be late", async () => {
    const session = await openHttp2(server.url);
    const path = "/tapin.auth.v1.AuthService/CreateSession";
    const headers = { "content-type": "application/grpc", te: "trailers", "grpc-timeout": "100m" };
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    const answer = await new Promise<Record<string, unknown>>((resolve) => {
      let seen = {};
      stream.on("response", (head) => Object.assign(seen, head));
      stream.on("trailers", (trailers) => {
        seen = { ...seen, ...trailers };
      });
      stream.on("end", () => resolve(seen));
      stream.resume();
    });
    session.destroy();
    expect(answer["grpc-status"]).toBe("4");
    expect(work.begun()).toBe(0);
  });

  it("the server's own deadline is the 30 s of the contract's page", () => {
    expect(DEFAULT_DEADLINE_MS).toBe(30_000);
  });
});

describe.each(RUNTIMES)("a deadline on %s, while the database is held", (runtime) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ runtime });
  });
  afterAll(() => stage.stop());

  it("the caller is told in time, and what its call does is not lost", async () => {
    const { slug } = await stage.project();
    const lock = await holdLock(stage.databaseUrl, "lock table projects in share mode");
    const session = await openHttp2(stage.url);
    const startedAt = performance.now();
    const answer = askHttp2(session, "/tapin.admin.v1.AdminService/UpdateProject", {
      headers: {
        authorization: `Bearer ${stage.tapin.adminToken}`,
        "content-type": "application/json",
        "connect-timeout-ms": "1500",
      },
      body: { slug, name: "Renamed" },
    });
    await awaitLockWaits(stage.databaseUrl, 1);
    const { status } = await answer;
    printFigure(
      `deadline of 1500 ms, held database, ${runtime}`,
      `${Math.round(performance.now() - startedAt)} ms`,
    );
    expect(status).toBe(504);
    expect(performance.now() - startedAt).toBeGreaterThan(1400);
    expect((await stage.admin("GET", `projects/${slug}`)).name).toBe("Corner Shop");
    await lock.release();
    for (let name = ""; name !== "Renamed"; ) {
      name = String((await stage.admin("GET", `projects/${slug}`)).name);
    }
    session.destroy();
    expect(stage.tapin.output()).not.toContain("unhandled_rejection");
  });
});
