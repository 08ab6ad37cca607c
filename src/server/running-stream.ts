// A stream of an operation on its way to its caller: it begins in time, its end is told once,
// however it comes, and whoever has gone stops it. A plain object, since there may be tens of
// thousands.

import type { DescMethod, Message } from "@bufbuild/protobuf";
import { TapinError } from "../errors.ts";
import type { AdmittedCall } from "./call.ts";
import type { Outflow, Running } from "./operation.ts";

/** What the caller is told. */
export interface AnswerOutflow extends Outflow {
  /** Null = the stream has ended by itself. */
  end(failure: TapinError | null): void;
}

/** What the pipeline does when a stream is over. */
export interface StreamSteps {
  /** It has ended by itself. */
  conclude(method: DescMethod, call: AdmittedCall): void;
  /** It has failed: the error to answer with. */
  fail(method: DescMethod, call: AdmittedCall, error: unknown): Promise<TapinError>;
  /** It failed when it was over. */
  onLateFailure(method: DescMethod, call: AdmittedCall, error: unknown): void;
}

/** A stream from its beginning to its end. */
export class RunningStream implements Outflow {
  readonly #steps: StreamSteps;
  readonly #method: DescMethod;
  readonly #call: AdmittedCall;
  readonly #outflow: AnswerOutflow;
  #running: Running | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;

  constructor(
    steps: StreamSteps,
    stream: { method: DescMethod; call: AdmittedCall; outflow: AnswerOutflow },
  ) {
    this.#steps = steps;
    this.#method = stream.method;
    this.#call = stream.call;
    this.#outflow = stream.outflow;
  }

  /** The first message must come within `firstMs`. */
  begin(firstMs: number, start: (outflow: Outflow) => Running): void {
    const { waiting } = this.#call;
    try {
      waiting.throwIfOver();
      waiting.onOver((reason) => {
        // Every wait is over at last; after the stream's end that is no news.
        if (!this.#isOver) this.end(reason);
      });
      const onTime = () => this.end(new TapinError("DEADLINE_EXCEEDED"));
      this.#timer = setTimeout(onTime, firstMs);
      this.#running = start(this);
      if (this.#isOver) this.#running.stop();
    } catch (error) {
      this.end(error);
    }
  }

  message(message: Message, isBeat: boolean): void {
    if (this.#isOver) return;
    this.#stopTimer();
    this.#outflow.message(message, isBeat);
  }

  end(failure: unknown): void {
    if (this.#isOver) {
      if (failure !== null) this.#steps.onLateFailure(this.#method, this.#call, failure);
      return;
    }
    this.#isOver = true;
    this.#stopTimer();
    this.#running?.stop();
    if (failure === null) {
      this.#steps.conclude(this.#method, this.#call);
      this.#outflow.end(null);
    } else void this.#fail(failure);
  }

  async #fail(error: unknown): Promise<void> {
    this.#outflow.end(await this.#steps.fail(this.#method, this.#call, error));
  }

  #stopTimer(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}
