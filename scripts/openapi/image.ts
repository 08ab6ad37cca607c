// Reads the contract with its comments: they live only in the image that buf builds, since
// generated code leaves them out.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescField,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { getComments } from "@bufbuild/protoplugin";

const root = fileURLToPath(new URL("../..", import.meta.url));
const buf = `${root}node_modules/.bin/buf`;
const MAX_IMAGE_BYTES = 16 * 1024 * 1024;

/** What can carry a comment here. */
export type Commented = Parameters<typeof getComments>[0];

/** All files of proto/ and third_party/, comments included. Throws when they do not compile. */
export function readImage(): FileRegistry {
  const options = { cwd: root, maxBuffer: MAX_IMAGE_BYTES } as const;
  const { status, stdout, stderr } = spawnSync(buf, ["build", "-o", "-#format=binpb"], options);
  if (status !== 0) throw new Error(`buf build: ${stderr}`);
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
}

/** A service of the image. Throws when there is none of this name. */
export function serviceOf(image: FileRegistry, typeName: string): DescService {
  const service = image.getService(typeName);
  if (service === undefined) throw new Error(`there is no service ${typeName}`);
  return service;
}

/**
 * The paragraphs of the comment above a declaration, each on one line. Throws when there is none.
 */
export function paragraphsOf(desc: Commented): readonly string[] {
  const { leading = "" } = getComments(desc);
  const paragraphs = leading.trim().split(/\n\s*\n/);
  const lines = paragraphs.map((text) =>
    text
      .trim()
      .split(/\s*\n\s*/)
      .join(" "),
  );
  if (lines[0] === "") throw new Error(`${desc} has no comment`);
  return lines;
}

/** The comment of a field, a message or an enum value, in REST words. */
export function descriptionOf(desc: Commented, image: FileRegistry): string {
  return inRestWords(
    paragraphsOf(desc)
      .map((text) => withoutName(text, desc))
      .join("\n\n"),
    image,
  );
}

/** What the comment of an RPC says. */
export interface RpcComment {
  /** Its first sentence, without the full stop. */
  readonly summary: string;
  /** The rest of what it does; empty when the first sentence says all. */
  readonly description: string;
  /** The reasons of "Errors:", with the remark in brackets behind each; empty for none. */
  readonly errors: ReadonlyMap<string, string>;
}

/**
 * Reads the comment of an RPC. Its last paragraph must be "Who may call: .... Errors: ..."; throws
 * otherwise.
 */
export function readRpcComment(method: DescMethod, image: FileRegistry): RpcComment {
  const paragraphs = [...paragraphsOf(method)];
  const callers = paragraphs.pop() ?? "";
  const [, list] = /^Who may call: .+?\. Errors: (.+)\.$/.exec(callers) ?? [];
  if (list === undefined) {
    throw new Error(`the comment of ${method} must end with "Who may call: ... Errors: ..."`);
  }
  const text = inRestWords(withoutName(paragraphs.join("\n\n"), method), image);
  const [, summary = "", description = ""] = /^(.+?)\.(?:\s+([\s\S]+))?$/.exec(text) ?? [];
  return { summary, description, errors: readErrors(list) };
}

function readErrors(list: string): ReadonlyMap<string, string> {
  const items = list.matchAll(/([a-z_]+)(?: \(([^)]+)\))?(?:, |$)/g);
  return new Map([...items].map(([, reason = "", remark = ""]) => [reason, remark]));
}

/**
 * Comments begin with the name of what they describe, which stands right beside them in a document.
 */
function withoutName(text: string, desc: Commented): string {
  const name = "name" in desc ? String(desc.name) : "";
  const isNamed =
    desc.kind !== "field" && desc.kind !== "enum_value" && text.startsWith(`${name} `);
  return isNamed ? capitalized(text.slice(name.length + 1).replace(/^is /, "")) : text;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Enum values by their REST names: comments say `COMPLETED`, where REST says `completed`. */
function inRestWords(text: string, image: FileRegistry): string {
  const names = valueNames(image);
  return text.replace(/`?\b[A-Z_]{3,}\b`?/g, (word) => {
    const bare = word.replaceAll("`", "");
    return names.has(bare) ? `\`${bare.toLowerCase()}\`` : word;
  });
}

const known = new WeakMap<FileRegistry, ReadonlySet<string>>();

function valueNames(image: FileRegistry): ReadonlySet<string> {
  const made = known.get(image) ?? new Set(shortNames(image));
  known.set(image, made);
  return made;
}

function* shortNames(image: FileRegistry): Iterable<string> {
  for (const desc of image) {
    if (desc.kind !== "enum" || !desc.typeName.startsWith("tapin.")) continue;
    const prefix = desc.sharedPrefix?.length ?? 0;
    if (desc.name !== "Channel")
      yield* desc.values.map(({ name }) => name.slice(prefix).toUpperCase());
  }
}

/** Whether the comment of a field says that it can be null. */
export function saysNull(field: DescField): boolean {
  return /\bnull\b/.test(paragraphsOf(field).join(" "));
}
