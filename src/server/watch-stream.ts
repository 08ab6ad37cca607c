// WatchSession as a stream: from the verb's callbacks to the contract's messages.

import { create, type MessageShape } from "@bufbuild/protobuf";
import {
  type WatchSessionRequestSchema,
  type WatchSessionResponse,
  WatchSessionResponseSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";
import type { Caller } from "../actions/caller.ts";
import type { SessionView } from "../actions/deliver-status.ts";
import {
  createWatchSession,
  type RunningWatch,
  type WatchSession,
} from "../actions/watch-session.ts";
import type { Reader } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import type { Session } from "../core/session.ts";
import { remember } from "../transcoder/remember.ts";
import type { Soon } from "../transcoder/soon.ts";
import type { AdmittedCall } from "./call.ts";
import { statusViewToProto } from "./convert.ts";
import type { Limits } from "./limit.ts";
import type { Outflow, Running, StartStream } from "./operation.ts";
import { callerOf, readerOf } from "./session-caller.ts";

/** Begins streams of WatchSession. */
export function watchStream(
  ports: Ports,
  limits: Pick<Limits, "watcher">,
): StartStream<MessageShape<typeof WatchSessionRequestSchema>> {
  const watchSession = createWatchSession(ports);
  const messageOf = createMessages();
  return ({ sessionId }, call, outflow) => {
    const { identity, address, origin } = call;
    // Nothing here may hold on to the call, which holds its whole request.
    const stream = new WatchStream(outflow, messageOf, {
      sessionId,
      reader: call.head ? null : readerOf(ports, call),
      enter: entrance(limits, { identity, address }),
    });
    void stream.begin(watchSession, callerOf(ports, { identity, origin }, sessionId));
    return stream;
  };
}

type Entrance = (session: Session) => () => void;

function entrance(
  limits: Pick<Limits, "watcher">,
  call: Pick<AdmittedCall, "identity" | "address">,
): Entrance {
  return (session) => limits.watcher(call, session);
}

/**
 * Views that are the same object become messages that are the same object, and are encoded once.
 */
const createMessages = () =>
  remember((view: SessionView): WatchSessionResponse => {
    const { opened, sequence } = view;
    const fields = { ...statusViewToProto(view), opened, sequence };
    return create(WatchSessionResponseSchema, fields);
  });

class WatchStream implements Running {
  readonly sessionId: string;
  readonly reader: Reader | null;
  readonly enter: Entrance;
  caller!: Caller;
  readonly #outflow: Outflow;
  readonly #messageOf: (view: SessionView) => WatchSessionResponse;
  #watch: RunningWatch | null = null;
  #isStopped = false;

  constructor(
    outflow: Outflow,
    messageOf: (view: SessionView) => WatchSessionResponse,
    { sessionId, reader, enter }: Pick<WatchStream, "sessionId" | "reader" | "enter">,
  ) {
    this.#outflow = outflow;
    this.#messageOf = messageOf;
    this.sessionId = sessionId;
    this.reader = reader;
    this.enter = enter;
  }

  /** Watches as soon as it is known who does. */
  async begin(watchSession: WatchSession, whoever: Soon<Caller>): Promise<void> {
    try {
      this.caller = await whoever;
      if (!this.#isStopped) this.#watch = watchSession(this);
    } catch (error) {
      this.#outflow.end(error);
    }
  }

  tell(view: SessionView, isBeat: boolean): void {
    this.#outflow.message(this.#messageOf(view), isBeat);
  }

  end(failure: unknown): void {
    this.#outflow.end(failure);
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch?.stop();
  }
}
