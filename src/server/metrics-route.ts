// `GET /metrics` for Prometheus, behind a token of its own.

import { sameSecret } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { bearerOf, withChallenge } from "./authenticate.ts";
import { answerBytes, headerOf } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** The figures in Prometheus' text format. */
export type ReadMetrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** The figures, and the token of who may read them. */
export interface MetricsAccess {
  readonly token: string;
  readonly read: ReadMetrics;
}

/** The route; with null there is none. */
export function metricsRoutes(access: MetricsAccess | null): readonly PlainRoute[] {
  if (access === null) return [];
  const { token, read } = access;
  return [
    readOnlyRoute("/metrics", async (exchange) => {
      const credentials = headerOf(exchange.req, "authorization");
      const bearer = bearerOf(credentials);
      if (bearer === null || !sameSecret(bearer, token)) {
        throw withChallenge(new TapinError("UNAUTHORIZED"), credentials);
      }
      const { contentType, text } = await read();
      await answerBytes(exchange, {
        type: contentType,
        bytes: Buffer.from(text),
        headers: [["cache-control", "no-store"]],
      });
    }),
  ];
}
