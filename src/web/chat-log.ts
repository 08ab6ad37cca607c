// The list of messages: makes a bubble once, changes it in place when the bot edits it, so that a
// screen reader hears what is new and the focus stays where it was.

import { element } from "./chat-element.ts";
import type { ServiceButton, ServiceMessage } from "./chat-service.ts";
import type { ChatTexts } from "./chat-texts.ts";

/** What happens when a button that the bot handles is tapped. */
export type Tap = (messageId: string, label: string) => Promise<void>;

interface Bubble {
  readonly root: HTMLElement;
  readonly text: HTMLElement;
  readonly keys: HTMLElement;
  shown: string;
}

const WEB_ADDRESS = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)]/g;
// How far from the end a reader may be and still be taken along to new messages, in pixels.
const FOLLOW_DISTANCE = 80;
// Labels of at most this many characters share a row.
const SHORT_LABEL = 3;

function outsideLink(url: string, ...children: readonly (Node | string)[]): HTMLAnchorElement {
  const link = element("a", { target: "_blank", rel: "noopener noreferrer" }, ...children);
  const protocol = URL.canParse(url) ? new URL(url).protocol : "";
  // The messenger has checked it already; a page that shows what others wrote checks again.
  if (["https:", "http:", "tg:"].includes(protocol)) link.href = url;
  return link;
}

function textNodes(text: string): (Node | string)[] {
  const nodes: (Node | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(WEB_ADDRESS)) {
    nodes.push(text.slice(end, match.index), outsideLink(match[0], match[0]));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** The messages of one chat on the page. */
export class ChatLog {
  /** The scrolling element; a live region. */
  readonly root: HTMLElement;
  readonly #texts: ChatTexts;
  readonly #tap: Tap;
  readonly #bubbles = new Map<string, Bubble>();
  readonly #empty: HTMLElement;
  #follows = true;

  constructor(texts: ChatTexts, tap: Tap) {
    this.#texts = texts;
    this.#tap = tap;
    this.#empty = element("p", { class: "empty" }, texts.empty);
    const label = { "aria-label": texts.messages, "aria-live": "polite" };
    this.root = element("div", { class: "log", role: "log", tabindex: "0", ...label }, this.#empty);
    this.root.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.root;
      this.#follows = scrollHeight - scrollTop - clientHeight < FOLLOW_DISTANCE;
    });
    // An opened panel or a keyboard on the screen takes height away.
    new ResizeObserver(() => this.#follow()).observe(this.root);
  }

  /** Shows these messages, and nothing else. */
  show(messages: readonly ServiceMessage[]): void {
    const ids = new Set(messages.map((message) => message.message_id));
    for (const [id, bubble] of this.#bubbles) {
      if (ids.has(id)) continue;
      bubble.root.remove();
      this.#bubbles.delete(id);
    }
    const changes = messages.filter((message) => this.#showMessage(message)).length;
    this.#empty.hidden = messages.length > 0;
    if (changes > 0) this.#follow();
  }

  #follow(): void {
    if (this.#follows) this.root.scrollTop = this.root.scrollHeight;
  }

  #showMessage(message: ServiceMessage): boolean {
    const bubble = this.#bubbles.get(message.message_id) ?? this.#addBubble(message);
    const wanted = JSON.stringify([message.text, message.buttons]);
    if (bubble.shown === wanted) return false;
    bubble.shown = wanted;
    const hadFocus = bubble.root.contains(document.activeElement);
    bubble.text.replaceChildren(...textNodes(message.text));
    bubble.keys.replaceChildren(
      ...message.buttons.map((button) => this.#key(message.message_id, button)),
    );
    bubble.keys.hidden = message.buttons.length === 0;
    if (hadFocus) bubble.root.focus();
    return true;
  }

  #addBubble({ message_id: id, from }: ServiceMessage): Bubble {
    const text = element("div", { class: "text" });
    const keys = element("div", { class: "keys" });
    const writer = from === "bot" ? this.#texts.botSays : this.#texts.youSay;
    const body = element(
      "div",
      { class: "bubble" },
      element("span", { class: "unseen" }, `${writer}: `),
      text,
    );
    const root = element("div", { class: `message ${from}`, tabindex: "-1" }, body, keys);
    this.root.append(root);
    const bubble: Bubble = { root, text, keys, shown: "" };
    this.#bubbles.set(id, bubble);
    return bubble;
  }

  #key(messageId: string, { label, url }: ServiceButton): HTMLElement {
    if (url !== undefined) {
      const note = element("span", { class: "unseen" }, ` (${this.#texts.newTab})`);
      const link = outsideLink(url, label, note);
      link.className = "key outside";
      return link;
    }
    // As in the app, where a bot sends numbers side by side: the chat lists buttons without their
    // rows.
    const look = label.length <= SHORT_LABEL ? "key short" : "key";
    const key = element("button", { type: "button", class: look }, label);
    key.addEventListener("click", async () => {
      // Not `disabled`: that would take the focus away from the person who tapped.
      if (key.getAttribute("aria-busy") === "true") return;
      key.setAttribute("aria-busy", "true");
      await this.#tap(messageId, label);
      key.removeAttribute("aria-busy");
    });
    return key;
  }
}
