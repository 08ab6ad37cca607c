// Handlers that stop for ever at one step of an update, as a process does that dies there. What
// they did before that has happened. The crash itself is the stage's.

import type {
  BotHandlers,
  TapState,
  UnfinishedUpdate,
  UpdateState,
} from "../../src/core/bot-ports.ts";
import type { MessageRef, Screen } from "../../src/core/prompt.ts";
import type { Person } from "../../src/core/subscriber.ts";
import type { ScriptedHandlers } from "./scripted-handlers.ts";

/**
 * The steps of an update, in order: death comes just before the first word, or just after a
 * participle.
 */
export type Step = "note" | "noted" | "handle" | "decided" | "report" | "finish";

/** Handlers that die once. */
export class MortalHandlers implements BotHandlers {
  /** Resolves when they have died. */
  readonly died: Promise<void>;
  /** Where they die; null: nowhere yet. */
  deadline: Step | null = null;
  readonly #living: ScriptedHandlers;
  readonly #die: () => void;

  constructor(living: ScriptedHandlers) {
    this.#living = living;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.died = promise;
    this.#die = resolve;
  }

  start(person: Person, payload: string): Promise<Screen> {
    return this.#decide(() => this.#living.start(person, payload));
  }

  tap(person: Person, data: string): Promise<Screen> {
    return this.#decide(() => this.#living.tap(person, data));
  }

  stop(person: Person): Promise<Screen> {
    return this.#decide(() => this.#living.stop(person));
  }

  chooseLang(person: Person, lang: string): Promise<Screen> {
    return this.#decide(() => this.#living.chooseLang(person, lang));
  }

  langOf(person: Person): Promise<string> {
    return this.#living.langOf(person);
  }

  setReachable(person: Person, reachable: boolean): Promise<void> {
    return this.#living.setReachable(person, reachable);
  }

  async shown(token: string, message: MessageRef): Promise<void> {
    await this.#pass("report");
    await this.#living.shown(token, message);
  }

  note(update: UnfinishedUpdate): Promise<UpdateState> {
    return this.#note(() => this.#living.note(update));
  }

  noteTap(update: UnfinishedUpdate, person: Person, data: string): Promise<TapState> {
    return this.#note(() => this.#living.noteTap(update, person, data));
  }

  async finish(key: string): Promise<void> {
    await this.#pass("finish");
    await this.#living.finish(key);
  }

  takeUnfinished(): Promise<readonly UnfinishedUpdate[]> {
    return this.#living.takeUnfinished();
  }

  marker(): Promise<string | null> {
    return this.#living.marker();
  }

  keepMarker(marker: string): Promise<void> {
    return this.#living.keepMarker(marker);
  }

  async #decide(decide: () => Promise<Screen>): Promise<Screen> {
    await this.#pass("handle");
    const screen = await decide();
    await this.#pass("decided");
    return screen;
  }

  async #note<T>(note: () => Promise<T>): Promise<T> {
    await this.#pass("note");
    const state = await note();
    await this.#pass("noted");
    return state;
  }

  async #pass(step: Step): Promise<void> {
    if (step !== this.deadline) return;
    this.#die();
    await new Promise<never>(() => undefined);
  }
}
