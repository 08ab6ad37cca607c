// `GET /metrics` for Prometheus, behind a token of its own.

import { sameSecret } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { headerOf } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";

/** The figures in Prometheus' text format. */
export type ReadMetrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** The route; without a token there is none. */
export function metricsRoutes(token: string | null, read: ReadMetrics): readonly PlainRoute[] {
  if (token === null) return [];
  return [
    {
      path: "/metrics",
      async handle({ req, res, method }) {
        if (method !== "GET" && method !== "HEAD") {
          throw new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", "GET, HEAD"]] });
        }
        const given = headerOf(req, "authorization") ?? "";
        if (!sameSecret(given, `Bearer ${token}`)) {
          throw new TapinError("UNAUTHORIZED", { headers: [["www-authenticate", "Bearer"]] });
        }
        const { contentType, text } = await read();
        res.setHeader("content-type", contentType);
        res.setHeader("cache-control", "no-store");
        res.end(method === "HEAD" ? "" : text);
      },
    },
  ];
}
