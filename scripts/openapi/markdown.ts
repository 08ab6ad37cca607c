// The little of CommonMark that comments use, as HTML: paragraphs, lists of "- ", `code` and
// **bold**.

import { type Html, html } from "../../src/sandbox/html.ts";

/** A text of several paragraphs and lists. */
export function blocks(text: string): Html {
  const parts = text.split(/\n{2,}/).flatMap(splitList);
  return html`${parts.map((part) => {
    if (!part.startsWith("- ")) return html`<p>${inline(part)}</p>`;
    const items = part.slice(2).split("\n- ");
    return html`<ul>${items.map((item) => html`<li>${inline(item)}</li>`)}</ul>`;
  })}`;
}

/** A list may follow its introduction without an empty line. */
function splitList(part: string): readonly string[] {
  const start = part.startsWith("- ") ? -1 : part.indexOf("\n- ");
  return start < 0 ? [part] : [part.slice(0, start), part.slice(start + 1)];
}

/** A text within one paragraph. */
export function inline(text: string): Html {
  const parts = text.split(/(`[^`]+`|\*\*[^*]+\*\*)/);
  return html`${parts.map((part) => {
    if (/^`.+`$/.test(part)) return html`<code>${part.slice(1, -1)}</code>`;
    if (/^\*\*.+\*\*$/.test(part)) return html`<strong>${part.slice(2, -2)}</strong>`;
    return html`${part}`;
  })}`;
}
