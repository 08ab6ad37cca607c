// Reads the project's pages for the tests that keep them true: their text, code blocks, sections
// and links.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Root of the project, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A fenced block of code. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** Number of its first line in the page, from 1. */
  readonly line: number;
}

/** The text of a file, by its path in the project. */
export function readPage(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

/** Paths of the project's files in these folders, or of single files, that end so. */
export function filesIn(folders: readonly string[], ending: string): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(ROOT + folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name}`)
      .sort(),
  );
}

/**
 * The rows of the tables in a text, the heading's and its rule included, without the spaces that
 * align columns.
 */
export function tableRows(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .replace(/ *\| */g, " | ")
        .replace(/-{3,}/g, "---")
        .trim(),
    );
}

/** Every page of the project. */
export function markdownPages(): readonly string[] {
  const atRoot = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  return [...atRoot.sort(), ...filesIn(["docs"], ".md")];
}

/** The fenced blocks of a page, in order. */
export function codeBlocks(text: string): readonly CodeBlock[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
    ({ 1: language = "", 2: code = "", index }) => ({
      language,
      text: code,
      line: text.slice(0, index).split("\n").length + 1,
    }),
  );
}

/** Heading -> text below it, for the headings of this level. */
export function sections(text: string, level: number): ReadonlyMap<string, string> {
  const mark = "#".repeat(level);
  const parts = text.split(new RegExp(`^${mark} `, "m")).slice(1);
  return new Map(
    parts.map((part) => {
      const [heading = "", ...lines] = part.split("\n");
      const end = lines.findIndex((line) => /^#{1,6} /.test(line) && !line.startsWith(`${mark}#`));
      return [heading.trim(), lines.slice(0, end < 0 ? lines.length : end).join("\n")];
    }),
  );
}
