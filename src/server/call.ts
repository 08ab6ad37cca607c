// A call: one operation somebody asks for, in whichever dialect. The pipeline sees nothing else of
// the outside world.

import type { LiveKey } from "../actions/authenticate.ts";
import type { Waiting } from "./waiting.ts";

/** How the caller speaks. */
export type Dialect = "grpc" | "grpc-web" | "connect" | "rest";

/** Who calls, as far as the credentials tell. */
export type Identity =
  | ({ readonly kind: "api_key" } & LiveKey)
  | { readonly kind: "watch_token"; readonly token: string }
  | { readonly kind: "admin" }
  | { readonly kind: "anybody" };

/** What the front of the server found out about a request before anybody read its body. */
export interface Arrival {
  /** Identifies the call in the answer's `x-request-id` and in the log. */
  readonly requestId: string;
  /** Address of the client: the peer, or whom trusted proxies name. */
  readonly address: string;
  /** Origin of the browser page that asks, when it is not this server's own; null otherwise. */
  readonly origin: string | null;
  /** Adds a header field to the answer, whatever that will be. */
  tell(name: string, value: string): void;
  /** Takes back the CORS headers of the answer: no page may read it. */
  hideFromPages(): void;
}

/** One call. */
export interface Call extends Arrival {
  readonly dialect: Dialect;
  readonly headers: { get(name: string): string | null };
  /** Over when the caller is gone, its deadline has passed, or the server stops. */
  readonly waiting: Waiting;
  /** True for HEAD: the answer must deliver nothing. */
  readonly head: boolean;
  /** `performance.now()` at its beginning. */
  readonly startedAt: number;
}

/** The call that a request begins now. */
export function beginCall(
  { requestId, address, origin, tell, hideFromPages }: Arrival,
  { dialect, headers, waiting }: Pick<Call, "dialect" | "headers" | "waiting">,
): Call {
  const startedAt = performance.now();
  const arrival = { requestId, address, origin, tell, hideFromPages };
  return { ...arrival, dialect, headers, waiting, head: false, startedAt };
}

/** A call whose credentials were checked. */
export interface AdmittedCall extends Call {
  readonly identity: Identity;
}
