// The pretend person of this browser: made up at the first visit, kept in localStorage, changed in
// the panel "You are". What the sandbox knows of the person is told with each deep link that is
// opened.

import { element } from "./chat-element.ts";
import { type ChatTexts, type PageLanguage, pageLanguage, textsFor } from "./chat-texts.ts";

/** Who uses the page. */
export interface PagePerson {
  /** The messenger's user id, decimal digits. */
  readonly id: string;
  readonly firstName: string;
  /** "" when there is none. */
  readonly lastName: string;
  /** "" when there is none. */
  readonly username: string;
  readonly language: PageLanguage;
  /**
   * Whether this browser made the id up: then the sandbox knows it only once they have opened a
   * link here.
   */
  readonly isMadeUp?: boolean;
}

const STORAGE_KEY = "tapin-sandbox-person";

function randomId(): string {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(1_000_000_000 + (random % 4_000_000_000));
}

/** A new person with the usual name in the language. */
export function inventPerson(language: PageLanguage): PagePerson {
  const firstName = textsFor(language).defaultName;
  return { id: randomId(), firstName, lastName: "", username: "", language, isMadeUp: true };
}

function isPerson(value: unknown): value is PagePerson {
  const { id, firstName, lastName, username, language } = Object(value) as Partial<PagePerson>;
  const texts = [firstName, lastName, username].every((text) => typeof text === "string");
  return texts && /^[1-9]\d{0,15}$/.test(String(id)) && (language === "en" || language === "ru");
}

/**
 * Keeps the person for the next visit; without storage (private mode) they live as long as the
 * page.
 */
export function keepPerson(person: PagePerson): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(person));
  } catch {
    // Nothing to do: the page works all the same.
  }
}

/** The person of the last visit, or a new one. */
export function recallPerson(): PagePerson {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
    if (isPerson(kept)) return kept;
  } catch {
    // A broken entry is as good as none.
  }
  const person = inventPerson(pageLanguage(navigator.language));
  keepPerson(person);
  return person;
}

interface Field {
  readonly name: "id" | "firstName" | "lastName" | "username";
  readonly attributes: Readonly<Record<string, string>>;
}

const FIELDS: readonly Field[] = [
  {
    name: "id",
    attributes: { inputmode: "numeric", pattern: "[1-9][0-9]{0,14}", required: "" },
  },
  { name: "firstName", attributes: { maxlength: "64", required: "" } },
  { name: "lastName", attributes: { maxlength: "64" } },
  { name: "username", attributes: { pattern: "[A-Za-z0-9_]{1,32}" } },
];

function textField({ name, attributes }: Field, person: PagePerson, texts: ChatTexts): HTMLElement {
  const input = element("input", { type: "text", name, autocomplete: "off", ...attributes });
  input.value = person[name];
  return element("label", {}, element("span", {}, texts[name]), input);
}

function languageField(person: PagePerson, texts: ChatTexts): HTMLElement {
  const select = element(
    "select",
    { name: "language" },
    element("option", { value: "en", lang: "en" }, "English"),
    element("option", { value: "ru", lang: "ru" }, "Русский"),
  );
  select.value = person.language;
  return element("label", {}, element("span", {}, texts.language), select);
}

function readForm(form: HTMLFormElement): PagePerson {
  const data = new FormData(form);
  const text = (name: string): string => String(data.get(name) ?? "").trim();
  return {
    id: text("id"),
    firstName: text("firstName"),
    lastName: text("lastName"),
    username: text("username").replace(/^@/, ""),
    language: pageLanguage(text("language")),
  };
}

/** The panel "You are: ...", closed; `change` gets the new person when they are saved. */
export function personPanel(
  person: PagePerson,
  change: (person: PagePerson) => void,
): HTMLDetailsElement {
  const texts = textsFor(person.language);
  const another = element("button", { type: "button", class: "quiet" }, texts.another);
  another.addEventListener("click", () => change(inventPerson(person.language)));
  const form = element(
    "form",
    {},
    ...FIELDS.map((field) => textField(field, person, texts)),
    languageField(person, texts),
    element("div", { class: "actions" }, another, element("button", { class: "main" }, texts.save)),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const changed = readForm(form);
    // Another id may be that of a person who is known, by another browser or the API.
    const isMadeUp = person.isMadeUp === true && changed.id === person.id;
    change({ ...changed, isMadeUp });
  });
  const name = [person.firstName, person.lastName].filter(Boolean).join(" ");
  const summary = element("summary", {}, `${texts.you} `, element("b", {}, name));
  return element("details", { class: "person" }, summary, form);
}
