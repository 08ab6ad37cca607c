// The server: all dialects of all services on one port, behind one pipeline.

import type { DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { AdminService } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { SandboxService } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import type { Network } from "../core/address.ts";
import type { BudgetTable, Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { adminOperations } from "./admin-service.ts";
import { authOperations } from "./auth-service.ts";
import { createFront, type PlainRoute } from "./front.ts";
import { healthRoutes, type ReadyCheck } from "./health.ts";
import { createLimits, type LimitSettings } from "./limit.ts";
import { createListener, type Identity } from "./listener.ts";
import { metricsRoutes, type ReadMetrics } from "./metrics-route.ts";
import { createPipeline } from "./pipeline.ts";
import { createRest } from "./rest.ts";
import { createRpc } from "./rpc.ts";
import { type SandboxPort, sandboxOperations } from "./sandbox-service.ts";
import { createValidate } from "./validate.ts";

/** What the server is made of. */
export interface ServerParts {
  readonly ports: Ports;
  /** Token of AdminService; null = off. */
  readonly adminToken: string | null;
  readonly limits: LimitSettings;
  /** Where several processes add up what projects have used; null = this process is the only one. */
  readonly budgets: BudgetTable | null;
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Network[];
  /** The pretend messengers; null = SandboxService is not served. */
  readonly sandbox: SandboxPort | null;
  /** Plain HTTP paths beside the services. */
  readonly routes: readonly PlainRoute[];
  readonly isReady: ReadyCheck;
  /** What `GET /metrics` answers, and to whom; a null token = nobody. */
  readonly metrics: { readonly token: string | null; readonly read: ReadMetrics };
  /** Certificate and key; null = cleartext. */
  readonly identity: Identity | null;
  readonly log: Logger;
}

/** A server, not listening yet. */
export interface Server {
  /** Listens; answers the port (0 asks for any free one). Rejects when the address cannot be had. */
  listen(port: number, host: string): Promise<number>;
  /** Stops accepting, lets calls finish, ends streams with `unavailable`; at the latest after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** New connections get this certificate. */
  renew(identity: Identity): void;
}

/** Builds the server. Throws when an annotation in the proto files is wrong. */
export function createServer(parts: ServerParts): Server {
  const { ports, sandbox, log } = parts;
  const services: DescService[] = [AuthService, AdminService];
  const limits = createLimits(parts.limits, parts.budgets);
  const operations = [...authOperations(ports, limits), ...adminOperations(ports)];
  if (sandbox !== null) {
    services.push(SandboxService);
    operations.push(...sandboxOperations(sandbox));
  }
  const stopping = new AbortController();
  const pipeline = createPipeline({
    operations,
    authority: { store: ports.store, adminToken: parts.adminToken },
    limits,
    observer: ports.observer,
    validate: createValidate(services.flatMap((service) => service.methods)),
    log,
  });
  const front = createFront({
    rpc: createRpc(services, pipeline, { stopping: stopping.signal, log }),
    rest: createRest(services, pipeline, { stopping: stopping.signal, log }),
    routes: [
      ...healthRoutes(parts.isReady),
      ...metricsRoutes(parts.metrics.token, parts.metrics.read),
      ...parts.routes,
    ],
    trustedProxies: parts.trustedProxies,
    isOrigin: (origin) => ports.store.projects.isOrigin(origin),
    log,
  });
  const listener = createListener(front, parts.identity);
  return {
    renew: (identity) => listener.renew(identity),
    async listen(port, host) {
      return (await listener.listen(port, host)).port;
    },
    async stop(graceMs) {
      const closed = listener.close(graceMs);
      stopping.abort(new TapinError("UNAVAILABLE", { sentence: "The server is stopping." }));
      await closed;
      limits.close();
    },
  };
}
