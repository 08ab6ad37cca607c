// What the clients, the people and at last the database saw while processes were killed. The
// checker reads nothing else.

/** How a session may end, as its watcher is told. */
export type Ending = "completed" | "cancelled" | "expired";

/** One thing that was seen. `session` is the session's id. */
export type ChaosEvent =
  /** CreateSession was answered. */
  | { readonly kind: "created"; readonly session: string; readonly person: string }
  /** The chat shows a confirmed login, and its button this code. */
  | { readonly kind: "confirmed"; readonly session: string; readonly code: string }
  /** The watcher was told the session's end. */
  | {
      readonly kind: "told";
      readonly session: string;
      readonly status: string;
      readonly code?: string | undefined;
    }
  /** A VerifyCode begins. Repeating one with its Idempotency-Key is the same attempt. */
  | { readonly kind: "verifying"; readonly session: string; readonly attempt: string }
  /** It ended: `unknown` when nobody was left to answer. */
  | {
      readonly kind: "verified";
      readonly session: string;
      readonly attempt: string;
      readonly outcome: "ok" | "refused" | "unknown";
      /** The subscriber's id, of `ok`. */
      readonly subscriber?: string;
    }
  /** A call or a person gave up. */
  | { readonly kind: "failed"; readonly session: string; readonly why: string }
  /** At the end: the session's row, and how many grants it has. */
  | {
      readonly kind: "row";
      readonly session: string;
      readonly status: string;
      readonly grants: number;
    }
  /** At the end: a subscriber's row; `person` is who it is. */
  | { readonly kind: "subscriberRow"; readonly subscriber: string; readonly person: string };

/** Everything, in the order in which it was seen. */
export type History = readonly ChaosEvent[];
