// The server: all dialects of all services on one port, behind one pipeline.

import { setTimeout as pause } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AdminService } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { SandboxService } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import type { Network } from "../core/address.ts";
import type { Observer } from "../core/observer.ts";
import type { BudgetTable, Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { adminOperations } from "./admin-service.ts";
import { authOperations } from "./auth-service.ts";
import { avatarRoute } from "./avatar-route.ts";
import { createFront, type PlainRoute } from "./front.ts";
import { healthRoutes, type ReadyCheck, shareReadyCheck } from "./health.ts";
import { healthOperations } from "./health-service.ts";
import { createLimits, type LimitSettings } from "./limit.ts";
import { type Certificate, createListener, type OpenSocket } from "./listener.ts";
import { type MetricsAccess, metricsRoutes } from "./metrics-route.ts";
import { createPipeline } from "./pipeline.ts";
import { referenceRoutes } from "./reference.ts";
import { REFLECTION_SERVICES, reflectionOperations } from "./reflection-service.ts";
import { createRest } from "./rest.ts";
import { createRpc } from "./rpc.ts";
import { type SandboxPort, sandboxOperations } from "./sandbox-service.ts";
import type { SizeSettings } from "./sizes.ts";
import { createValidate, type Validate } from "./validate.ts";

/** Milliseconds between the news that the server is no longer ready and the end of its streams. */
const LAST_WORD_MS = 50;

/** What the server is made of. */
export interface ServerParts {
  readonly ports: Ports;
  /** From {@link compileRules}. */
  readonly validate: Validate;
  /** Token of AdminService; null = off. */
  readonly adminToken: string | null;
  readonly limits: LimitSettings;
  readonly sizes: SizeSettings;
  /** Where several processes add up what callers have used; null = this process is the only one. */
  readonly budgets: BudgetTable | null;
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Network[];
  /** The pretend messengers; null = SandboxService is not served. */
  readonly sandbox: SandboxPort | null;
  /** As browsers and messengers reach this server; known once it listens. */
  readonly publicUrl: () => string;
  /** Whether pictures of people are served. */
  readonly avatars: boolean;
  /** Plain HTTP paths beside the services. */
  readonly routes: readonly PlainRoute[];
  readonly isReady: ReadyCheck;
  /** What `GET /metrics` answers, and to whom; null = it is not there. */
  readonly metrics: MetricsAccess | null;
  /** Null = cleartext. */
  readonly certificate: Certificate | null;
  readonly log: Logger;
}

/** A server, not listening yet. */
export interface Server {
  /**
   * Listens; answers the port (0 asks for any free one). Rejects when the address cannot be had.
   */
  listen(port: number | OpenSocket, host: string): Promise<number>;
  /**
   * Stops accepting, lets calls finish, ends streams with `unavailable`; at the latest after
   * `graceMs`.
   */
  stop(graceMs: number): Promise<void>;
  /** New connections get this certificate. */
  renew(certificate: Certificate): void;
}

// What gRPC's own tools ask for: it is in no REST route.
const RPC_ONLY: readonly DescService[] = [Health, ...REFLECTION_SERVICES];

/**
 * Compiles the rules of all requests: the most of what building the server takes, without ports.
 */
export function compileRules(): Validate {
  const services = [AuthService, AdminService, SandboxService, ...RPC_ONLY];
  return createValidate(services.flatMap((service) => service.methods));
}

/** Builds the server. Throws when an annotation in the proto files is wrong. */
export function createServer(parts: ServerParts): Server {
  const { ports, sandbox, log } = parts;
  const services: DescService[] = [AuthService, AdminService];
  const table = parts.budgets;
  const hide = (key: string) => ports.secrets.derive(`budget|${key}`);
  const limits = createLimits(parts.limits, table && { table, hide });
  const operations = [...authOperations(ports, limits), ...adminOperations(ports)];
  if (sandbox !== null) {
    services.push(SandboxService);
    operations.push(...sandboxOperations(sandbox));
  }
  const stopping = new AbortController();
  const leaving = new AbortController();
  const isReady = shareReadyCheck(parts.isReady, leaving.signal);
  const rpcServices = [...services, ...RPC_ONLY];
  operations.push(
    ...healthOperations({
      services: services.map(({ typeName }) => typeName),
      isReady,
      stopping: leaving.signal,
    }),
    ...reflectionOperations(rpcServices),
  );
  const pipeline = createPipeline({
    operations,
    authority: { store: ports.store, adminToken: parts.adminToken },
    limits,
    observer: ports.observer,
    validate: parts.validate,
    log,
  });
  const serving = { stopping: stopping.signal, maxBodyBytes: parts.sizes.bodyBytes, log };
  const front = createFront({
    rpc: createRpc(rpcServices, pipeline, serving),
    rest: createRest(services, pipeline, serving),
    routes: [
      ...healthRoutes(isReady),
      ...referenceRoutes({ publicUrl: parts.publicUrl, sandbox: sandbox !== null }),
      ...metricsRoutes(parts.metrics),
      ...(parts.avatars ? [avatarRoute(ports, limits)] : []),
      ...parts.routes,
    ],
    trustedProxies: parts.trustedProxies,
    sizes: parts.sizes,
    isOrigin: (origin) => ports.store.projects.isOrigin(origin),
    log,
  });
  const onUnread = createDropReport(ports.observer, log);
  const listener = createListener(front, { ...parts, onUnread });
  return {
    renew: (certificate) => listener.renew(certificate),
    async listen(port, host) {
      return (await listener.listen(port, host)).port;
    },
    async stop(graceMs) {
      const closed = listener.close(graceMs);
      const reason = new TapinError("UNAVAILABLE", { sentence: "The server is stopping." });
      leaving.abort(reason);
      await pause(LAST_WORD_MS);
      stopping.abort(reason);
      await closed;
      limits.close();
    },
  };
}

/**
 * Tells of readers that were let go. The metric counts each; a client with a hundred streams shall
 * not fill the log with them.
 */
function createDropReport(observer: Observer, log: Logger): () => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return () => {
    observer.readerDropped();
    if (performance.now() - toldAt < 1000) return;
    toldAt = performance.now();
    log.info({ event: "reader_dropped" }, "readers took nothing for 20 s and were let go");
  };
}
