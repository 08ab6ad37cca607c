// Builds HTML that cannot be injected into: a tagged template that escapes every value it is given.
// What the pages say lives in chat-page.ts and demo/pages.ts.

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A piece of HTML that is safe to send. Only `html` makes one, so a plain string can never pass for
 * it.
 */
export class Html {
  readonly text: string;

  /** Takes the text as it is: for `html` only. */
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * What may stand in a template: text (escaped), HTML (kept), a list of HTML (joined), or nothing.
 */
export type HtmlValue = string | number | Html | readonly Html[] | undefined;

/**
 * Tagged template for HTML: `` html`<p>${name}</p>` ``. Values are escaped for element content and
 * for attributes in double quotes; they must not be put anywhere else (script, style, unquoted
 * attributes).
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(render)));
}

function render(value: HtmlValue): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(render).join("");
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
