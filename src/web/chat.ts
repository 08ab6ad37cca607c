// The chat page of a pretend messenger: one person, one bot. Opening a deep link starts nothing by itself; the person
// taps START, as in the real app. The page talks to the sandbox service only; the messenger itself is on the server.

import { element } from "./chat-element.ts";
import { ChatLog } from "./chat-log.ts";
import { keepPerson, type PagePerson, personPanel, recallPerson } from "./chat-person.ts";
import { chatService, type ServiceMessage, ServiceProblem } from "./chat-service.ts";
import { textsFor } from "./chat-texts.ts";

const REFRESH_MS = 1000;

const root = document.querySelector<HTMLElement>("#chat") ?? document.body;
const { channel = "telegram", bot = "", name = bot } = root.dataset;
const service = chatService(new URL("../../v1/sandbox/", location.href), channel);
const payload = new URLSearchParams(location.search).get("start");

function remembered(storage: Storage, key: string): boolean {
  return storage.getItem(key) === "1";
}

function remember(storage: Storage, key: string, value: boolean): void {
  if (value) storage.setItem(key, "1");
  else storage.removeItem(key);
}

/** The page for one person; another person gets a new one. */
class ChatPage {
  readonly #person: PagePerson;
  readonly #log: ChatLog;
  readonly #bottom: HTMLElement;
  readonly #problem: HTMLElement;
  readonly #blockButton: HTMLButtonElement;
  readonly #blockedKey: string;
  readonly #startedKey: string;
  #messages: readonly ServiceMessage[] = [];
  #known = false;
  #blocked = false;
  #bottomShown = "";
  #ended = false;

  constructor(person: PagePerson) {
    const texts = textsFor(person.language);
    this.#person = person;
    this.#blockedKey = `tapin-sandbox-blocked:${bot}:${person.id}`;
    this.#startedKey = `tapin-sandbox-started:${bot}:${person.id}:${payload ?? ""}`;
    this.#blocked = remembered(localStorage, this.#blockedKey);
    this.#log = new ChatLog(texts, async (messageId, label) => {
      await this.#act(() => service.tap(person.id, messageId, label));
    });
    this.#bottom = element("div", { class: "bottom" });
    this.#problem = element("p", { class: "problem", role: "alert" });
    this.#blockButton = element("button", { type: "button", class: "quiet" });
    this.#blockButton.addEventListener("click", () => this.#setBlocked(!this.#blocked));
    document.documentElement.lang = person.language;
    root.replaceChildren(
      element(
        "header",
        {},
        this.#bar(),
        element("p", { class: "notice" }, texts.notice),
        personPanel(person, changePerson),
      ),
      element("main", {}, this.#log.root, this.#problem, this.#bottom),
    );
    this.#showBottom();
  }

  /** Shows the chat as it is now, and again every second until the page ends. */
  async live(): Promise<void> {
    while (!this.#ended) {
      if (!document.hidden) await this.#refresh();
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }

  /** Stops refreshing. */
  end(): void {
    this.#ended = true;
  }

  #bar(): HTMLElement {
    const texts = textsFor(this.#person.language);
    const initials = name
      .split(/\s+/)
      .map((word) => word.slice(0, 1))
      .join("")
      .slice(0, 2);
    return element(
      "div",
      { class: "bar" },
      element("span", { class: "avatar", "aria-hidden": "true" }, initials),
      element(
        "div",
        { class: "who" },
        element("h1", {}, name),
        element("p", {}, `@${bot} · ${texts.bot}`),
      ),
      this.#blockButton,
    );
  }

  async #refresh(): Promise<void> {
    try {
      this.#show(await service.chat(this.#person.id));
      this.#problem.textContent = "";
    } catch (error) {
      if (error instanceof ServiceProblem && error.status === 404) this.#showUnknown();
      else this.#problem.textContent = textsFor(this.#person.language).unreachable;
    }
  }

  // The sandbox does not know this person (yet, or since it was restarted), so they block nobody.
  #showUnknown(): void {
    this.#blocked = false;
    remember(localStorage, this.#blockedKey, false);
    this.#show([]);
    this.#known = false;
    this.#problem.textContent = "";
    this.#showBottom();
  }

  #show(messages: readonly ServiceMessage[]): void {
    if (this.#ended) return;
    this.#known = true;
    this.#messages = messages;
    this.#log.show(messages);
    this.#showBottom();
  }

  async #act(action: () => Promise<readonly ServiceMessage[]>): Promise<boolean> {
    try {
      this.#show(await action());
      this.#problem.textContent = "";
      return true;
    } catch (error) {
      const { unreachable } = textsFor(this.#person.language);
      this.#problem.textContent = error instanceof ServiceProblem ? error.message : unreachable;
      return false;
    }
  }

  async #start(): Promise<void> {
    // The messenger's own form of the link: it opens the bot under whatever address this page was reached.
    const link = new URL(`https://t.me/${bot}`);
    if (payload !== null) link.searchParams.set("start", payload);
    const done = await this.#act(() => service.open(link.href, this.#person));
    if (!done) return;
    remember(sessionStorage, this.#startedKey, true);
    this.#keepBlocked(false);
    // Not into the text field: on a phone its keyboard would cover what the bot has just sent.
    this.#log.root.focus();
  }

  async #setBlocked(blocked: boolean): Promise<void> {
    const done = await this.#act(() => service.block(this.#person.id, blocked));
    if (done) this.#keepBlocked(blocked);
  }

  #keepBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    remember(localStorage, this.#blockedKey, blocked);
    this.#showBottom();
  }

  #bottomKind(): "start" | "unblock" | "write" {
    const opened = payload !== null && !remembered(sessionStorage, this.#startedKey);
    if (opened) return "start";
    if (this.#blocked) return "unblock";
    return this.#messages.length === 0 ? "start" : "write";
  }

  #showBottom(): void {
    const texts = textsFor(this.#person.language);
    this.#blockButton.textContent = this.#blocked ? texts.unblock : texts.block;
    this.#blockButton.disabled = !this.#known;
    const kind = this.#bottomKind();
    if (kind === this.#bottomShown) return;
    this.#bottomShown = kind;
    this.#bottom.replaceChildren(kind === "write" ? this.#writeForm() : this.#wideButton(kind));
  }

  #wideButton(kind: "start" | "unblock"): HTMLElement {
    const label = textsFor(this.#person.language)[kind];
    const button = element("button", { type: "button", class: "wide" }, label);
    button.addEventListener("click", () =>
      kind === "start" ? this.#start() : this.#setBlocked(false),
    );
    return button;
  }

  #writeForm(): HTMLElement {
    const texts = textsFor(this.#person.language);
    const label = { placeholder: texts.placeholder, "aria-label": texts.placeholder };
    const input = element("input", {
      type: "text",
      maxlength: "4096",
      autocomplete: "off",
      enterkeyhint: "send",
      ...label,
    });
    const form = element("form", {}, input, element("button", { class: "main" }, texts.send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      input.value = "";
      if (text !== "") void this.#act(() => service.say(this.#person.id, text));
    });
    return form;
  }
}

let page = new ChatPage(recallPerson());

function changePerson(person: PagePerson): void {
  keepPerson(person);
  page.end();
  page = new ChatPage(person);
  void page.live();
  root.querySelector<HTMLElement>("summary")?.focus();
}

void page.live();
