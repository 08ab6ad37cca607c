// The chat page of a pretend messenger: one person, one bot. Opening a deep link starts nothing by
// itself; the person taps START, as in the real app; only MAX opens a link in a running dialog
// without asking. The page talks to the sandbox service only; the messenger itself is on the
// server.

import { element } from "./chat-element.ts";
import { ChatLog } from "./chat-log.ts";
import { keepPerson, type PagePerson, personPanel, recallPerson } from "./chat-person.ts";
import { chatService, type ServiceMessage, ServiceProblem } from "./chat-service.ts";
import { type ChatTexts, textsFor } from "./chat-texts.ts";

const REFRESH_MS = 1000;

const root = document.querySelector<HTMLElement>("#chat") ?? document.body;
const { channel = "telegram", bot = "", name = bot } = root.dataset;
const service = chatService(new URL("../../v1/sandbox/", location.href), channel);
const isMax = channel === "max";
const messenger = isMax ? "MAX" : "Telegram";
const payload = new URLSearchParams(location.search).get("start");
const TEXT_LIMIT = isMax ? "4000" : "4096";

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
  readonly #texts: ChatTexts;
  readonly #log: ChatLog;
  readonly #bottom: HTMLElement;
  readonly #problem: HTMLElement;
  readonly #blockButton: HTMLButtonElement;
  readonly #blockedKey: string;
  readonly #startedKey: string;
  readonly #offerKey: string;
  readonly #metKey: string;
  #messages: readonly ServiceMessage[] = [];
  #known = false;
  #blocked = false;
  #bottomShown = "";
  #ended = false;

  constructor(person: PagePerson) {
    const texts = textsFor(person.language, channel);
    this.#person = person;
    this.#texts = texts;
    this.#blockedKey = `tapin-sandbox-blocked:${bot}:${person.id}`;
    this.#startedKey = `tapin-sandbox-started:${bot}:${person.id}:${payload ?? ""}`;
    this.#offerKey = `tapin-sandbox-offer:${bot}:${person.id}:${payload ?? ""}`;
    this.#metKey = `tapin-sandbox-met:${bot}:${person.id}`;
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
        element("p", { class: "notice" }, texts.notice.replace("{messenger}", messenger)),
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
        element("p", {}, `@${bot}`, element("span", { class: "kind" }, ` · ${this.#texts.bot}`)),
      ),
      this.#blockButton,
    );
  }

  async #refresh(): Promise<void> {
    // To ask for a chat that cannot be there would leave an error in the console of whoever tries
    // this out.
    if (this.#person.isMadeUp && !remembered(localStorage, this.#metKey)) {
      this.#showUnknown();
      return;
    }
    try {
      this.#show(await service.chat(this.#person.id));
      this.#problem.textContent = "";
    } catch (error) {
      if (error instanceof ServiceProblem && error.status === 404) this.#showUnknown();
      else this.#problem.textContent = this.#texts.unreachable;
    }
  }

  // The sandbox does not know this person (yet, or since it was restarted), so they block nobody.
  #showUnknown(): void {
    this.#blocked = false;
    remember(localStorage, this.#blockedKey, false);
    remember(localStorage, this.#metKey, false);
    this.#known = false;
    this.#messages = [];
    this.#log.show([]);
    this.#problem.textContent = "";
    this.#showBottom();
  }

  #show(messages: readonly ServiceMessage[]): void {
    if (this.#ended) return;
    this.#known = true;
    remember(localStorage, this.#metKey, true);
    this.#messages = messages;
    this.#log.show(messages);
    this.#showBottom();
    if (isMax && this.#isLinkUnopened() && !this.#blocked) void this.#openInRunningDialog();
  }

  async #act(action: () => Promise<readonly ServiceMessage[]>): Promise<boolean> {
    try {
      this.#show(await action());
      this.#problem.textContent = "";
      return true;
    } catch (error) {
      const { unreachable } = this.#texts;
      this.#problem.textContent = error instanceof ServiceProblem ? error.message : unreachable;
      return false;
    }
  }

  #openLink(): Promise<readonly ServiceMessage[]> {
    // The messenger's own form of the link: it opens the bot under whatever address this page was
    // reached.
    const link = new URL(`https://${isMax ? "max.ru" : "t.me"}/${bot}`);
    if (payload !== null) link.searchParams.set("start", payload);
    return service.open(link.href, this.#person);
  }

  async #start(): Promise<void> {
    // Before the answer is shown: what it brings must not count as a link that is still to be
    // opened.
    remember(sessionStorage, this.#startedKey, true);
    const done = await this.#act(() => this.#openLink());
    remember(sessionStorage, this.#startedKey, done);
    if (!done) return;
    this.#keepBlocked(false);
    // Not into the text field: on a phone its keyboard would cover what the bot has just sent.
    this.#log.root.focus();
  }

  // MAX opens a link in a running dialog at once, and may tell the bot nothing of it: then a text
  // has to.
  async #openInRunningDialog(): Promise<void> {
    const lastBefore = this.#messages.at(-1)?.message_id;
    remember(sessionStorage, this.#startedKey, true);
    await this.#act(() => this.#openLink());
    const isSilent = this.#messages.at(-1)?.message_id === lastBefore;
    remember(sessionStorage, this.#offerKey, isSilent);
    this.#showBottom();
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

  #isLinkUnopened(): boolean {
    return payload !== null && !remembered(sessionStorage, this.#startedKey);
  }

  #bottomKind(): "start" | "unblock" | "write" | "offer" {
    const isRunning = this.#known && !this.#blocked;
    if (this.#isLinkUnopened() && !(isMax && isRunning)) return "start";
    if (this.#blocked) return "unblock";
    if (isMax ? !isRunning : this.#messages.length === 0) return "start";
    return remembered(sessionStorage, this.#offerKey) ? "offer" : "write";
  }

  #showBottom(): void {
    const texts = this.#texts;
    this.#blockButton.textContent = this.#blocked ? texts.unblock : texts.block;
    this.#blockButton.disabled = !this.#known;
    const kind = this.#bottomKind();
    if (kind === this.#bottomShown) return;
    this.#bottomShown = kind;
    if (kind === "offer") this.#bottom.replaceChildren(this.#offer(), this.#writeForm());
    else if (kind === "write") this.#bottom.replaceChildren(this.#writeForm());
    else this.#bottom.replaceChildren(this.#wideButton(kind));
  }

  #offer(): HTMLElement {
    const text = `/start ${payload ?? ""}`;
    const button = element("button", { type: "button", class: "quiet" }, this.#texts.sendText);
    button.addEventListener("click", () => {
      remember(sessionStorage, this.#offerKey, false);
      this.#log.root.focus();
      void this.#act(() => service.say(this.#person.id, text));
    });
    return element(
      "div",
      { class: "offer" },
      element("p", { role: "status" }, this.#texts.linkOpened),
      element("code", {}, text),
      button,
    );
  }

  #wideButton(kind: "start" | "unblock"): HTMLElement {
    const label = this.#texts[kind];
    const button = element("button", { type: "button", class: "wide" }, label);
    button.addEventListener("click", () =>
      kind === "start" ? this.#start() : this.#setBlocked(false),
    );
    return button;
  }

  #writeForm(): HTMLElement {
    const texts = this.#texts;
    const label = { placeholder: texts.placeholder, "aria-label": texts.placeholder };
    const input = element("input", {
      type: "text",
      maxlength: TEXT_LIMIT,
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
