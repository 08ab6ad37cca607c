// Handlers for bots under test: they remember what they were told, answer as scripted, and keep a
// notebook of updates as the database would. No assertions live here.

import type {
  BotHandlers,
  Spoken,
  TapState,
  UnfinishedUpdate,
  UpdateState,
} from "../../src/core/bot-ports.ts";
import {
  type ConfirmedScreen,
  type MessageRef,
  type PromptScreen,
  parseButtonData,
  type Screen,
  type StalePrompt,
} from "../../src/core/prompt.ts";
import type { Person } from "../../src/core/subscriber.ts";

/** Where the pretend website would be; the code in it must appear in no log and no note. */
export const SITE_URL = "https://demo.example.com/callback?code=SECRETCODE&state=abc";

/** What the handlers were told, in order. */
export type Told =
  | { readonly kind: "start"; readonly person: Person; readonly payload: string }
  | { readonly kind: "tap"; readonly person: Person; readonly data: string }
  | { readonly kind: "shown"; readonly token: string; readonly message: MessageRef }
  | { readonly kind: "stop"; readonly person: Person }
  | { readonly kind: "lang"; readonly person: Person; readonly lang: string }
  | { readonly kind: "reachable"; readonly person: Person; readonly reachable: boolean };

/** The notes of one bot, which outlive its process. */
export class Notebook {
  readonly notes = new Map<string, { payload: unknown; done: boolean }>();
  /** Where polling goes on. */
  marker: string | null = null;
  /** Takes that are under way in a process that still lives; a test sets what a dead one left. */
  isAbandoned = false;

  async note({ key, payload }: UnfinishedUpdate): Promise<UpdateState> {
    // As a database does, only what is JSON survives.
    const kept = JSON.parse(JSON.stringify(payload)) as unknown;
    const known = this.notes.get(key);
    if (known === undefined) this.notes.set(key, { payload: kept, done: false });
    if (known === undefined) return "fresh";
    return known.done ? "done" : "unfinished";
  }

  async finish(key: string): Promise<void> {
    this.notes.set(key, { payload: null, done: true });
  }

  /** Gives each abandoned update away once. */
  async takeUnfinished(): Promise<readonly UnfinishedUpdate[]> {
    if (!this.isAbandoned) return [];
    this.isAbandoned = false;
    return this.unfinished();
  }

  /** What is noted and not handled. */
  unfinished(): readonly UnfinishedUpdate[] {
    return [...this.notes]
      .filter(([, { done }]) => !done)
      .map(([key, { payload }]) => ({ key, payload }));
  }
}

/** Handlers that remember what they were told and answer as scripted. */
export class ScriptedHandlers implements BotHandlers {
  readonly told: Told[] = [];
  readonly notebook: Notebook;
  /** What `/start` answers. Default: a prompt with a new token. */
  onStart: (person: Person, payload: string) => Promise<Screen> = async () => this.prompt();
  /** What a tap answers. Default: Login and a number confirm, Cancel cancels. */
  onTap: (person: Person, data: string) => Promise<Screen> = async (_, data) => decided(data);
  /** Called before every note; a test makes it fail. */
  onNote: () => Promise<void> = async () => undefined;
  /** What a tap that was never noted before is decided to as it is noted. Default: it is not. */
  onNoteTap: (person: Person, data: string) => Promise<Spoken | null> = async () => null;
  /** Called before the place of polling is read; a test makes it fail. */
  onMarker: () => Promise<void> = async () => undefined;
  readonly #langs = new Map<string, string>();
  #prompts = 0;

  constructor(notebook = new Notebook()) {
    this.notebook = notebook;
  }

  /** A prompt with a token of its own. */
  prompt(change: Partial<PromptScreen> = {}): PromptScreen {
    return {
      kind: "prompt",
      token: `Token${String(++this.#prompts).padStart(17, "0")}`,
      projectName: "Demo Shop",
      host: "demo.example.com",
      ageSeconds: 12,
      browser: "Firefox on Linux",
      ip: "192.0.2.7",
      subscribes: true,
      choices: null,
      ...change,
    };
  }

  async start(person: Person, payload: string): Promise<Screen> {
    this.told.push({ kind: "start", person, payload });
    return await this.onStart(person, payload);
  }

  async tap(person: Person, data: string): Promise<Screen> {
    this.told.push({ kind: "tap", person, data });
    return await this.onTap(person, data);
  }

  async shown(token: string, message: MessageRef): Promise<void> {
    this.told.push({ kind: "shown", token, message });
  }

  async stop(person: Person): Promise<Screen> {
    this.told.push({ kind: "stop", person });
    return { kind: "stopped" };
  }

  async chooseLang(person: Person, lang: string): Promise<Screen> {
    this.told.push({ kind: "lang", person, lang });
    this.#langs.set(person.userId, lang);
    return { kind: "lang" };
  }

  async langOf(person: Person): Promise<string> {
    return this.#langs.get(person.userId) ?? person.lang;
  }

  async note(update: UnfinishedUpdate): Promise<UpdateState> {
    await this.onNote();
    return await this.notebook.note(update);
  }

  async noteTap(update: UnfinishedUpdate, person: Person, data: string): Promise<TapState> {
    const state = await this.note(update);
    return { state, spoken: state === "fresh" ? await this.onNoteTap(person, data) : null };
  }

  finish(key: string): Promise<void> {
    return this.notebook.finish(key);
  }

  takeUnfinished(): Promise<readonly UnfinishedUpdate[]> {
    return this.notebook.takeUnfinished();
  }

  async marker(): Promise<string | null> {
    await this.onMarker();
    return this.notebook.marker;
  }

  async keepMarker(marker: string): Promise<void> {
    this.notebook.marker = marker;
  }

  async setReachable(person: Person, reachable: boolean): Promise<void> {
    this.told.push({ kind: "reachable", person, reachable });
  }

  /** What was told of one kind. */
  of<Kind extends Told["kind"]>(kind: Kind): Extract<Told, { kind: Kind }>[] {
    return this.told.filter((told): told is Extract<Told, { kind: Kind }> => told.kind === kind);
  }
}

/** The confirmation of a session, with the code in its button. */
export function confirmed(change: Partial<ConfirmedScreen> = {}): Screen {
  return {
    kind: "confirmed",
    projectName: "Demo Shop",
    url: SITE_URL,
    fromSession: true,
    subscribeToken: null,
    subscribed: false,
    ...change,
  };
}

function decided(data: string): Screen {
  const tapped = parseButtonData(data);
  if (tapped === null) return { kind: "stale" };
  if (tapped.decision.kind === "cancel") return { kind: "cancelled" };
  if (tapped.decision.kind === "subscribe") return { kind: "subscribed" };
  return confirmed();
}

/** A prompt row as settle() gets it. */
export function promptRow(change: Partial<StalePrompt>): StalePrompt {
  return {
    token: "Token00000000000000001",
    projectId: "b7d0c1de-0000-4000-8000-000000000001",
    sessionId: null,
    channel: "telegram",
    userId: "4242",
    lang: "en",
    bot: "telegram:1",
    status: "expired",
    grantId: null,
    shown: null,
    asks: false,
    ...change,
  };
}

/** A promise and how to settle it, for handlers that must wait until a test says so. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
