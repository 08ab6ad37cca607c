// Paths to fields inside a request, such as `book.author.name`: resolving them against the
// descriptor and setting what they name. Which text sets them is decided by paths and queries.

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { ReflectList, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { enumNames } from "./enum-name.ts";
import { scalarFromText, scalarRule } from "./scalar-value.ts";
import type { ViolationList } from "./violation-list.ts";
import { wellKnownForm } from "./well-known-form.ts";

const maxDepth = 100;

/** A resolved field path. */
export interface FieldPath {
  /** The path as written, in proto names. */
  readonly text: string;
  /** The message fields that lead to the leaf. */
  readonly parents: readonly DescField[];
  /** The field it names. */
  readonly leaf: DescField;
}

/**
 * Resolves a path of proto names. Undefined when a name is not a field, when a name before the last
 * is not a singular message with fields of its own, or when it is deeper than 100 names.
 */
export function resolveFieldPath(desc: DescMessage, text: string): FieldPath | undefined {
  const names = text.split(".");
  if (names.length > maxDepth) return undefined;
  const parents: DescField[] = [];
  let owner: DescMessage | undefined = desc;
  for (const [index, name] of names.entries()) {
    const field: DescField | undefined = owner?.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return undefined;
    if (index === names.length - 1) return { text, parents, leaf: field };
    const isOpen: boolean =
      field.fieldKind === "message" && wellKnownForm(field.message) === undefined;
    owner = isOpen ? field.message : undefined;
    parents.push(field);
  }
  return undefined;
}

/**
 * Reads the text of a path or query into a value of a field, or of one item of a repeated field.
 */
export interface TextReader {
  /** What the text must be, to be read after the field's name. */
  readonly rule: string;
  /** The value as the reflection API takes it; undefined when the text is not one. */
  read(text: string): unknown;
}

/**
 * The text reader of a field; undefined when it has no text: maps, and messages that are objects.
 */
export function textReader(field: DescField): TextReader | undefined {
  if (field.fieldKind === "map") return undefined;
  if (field.scalar !== undefined) {
    const { scalar } = field;
    return { rule: scalarRule(scalar), read: (text) => scalarFromText(scalar, text) };
  }
  if (field.enum !== undefined) {
    const names = enumNames(field.enum);
    return { rule: names.rule, read: (text) => names.fromText(text) };
  }
  const { message } = field;
  const form = field.fieldKind === "message" ? wellKnownForm(message) : undefined;
  const fromText = form?.fromText;
  if (form === undefined || message === undefined || fromText === undefined) return undefined;
  const read = (text: string) => {
    const value = fromText(text);
    return value && reflect(message, value);
  };
  return { rule: form.rule, read };
}

/**
 * The message that holds the leaf, made on the way when it is not there. Undefined, with a fault,
 * when that would unset another field of a oneof.
 */
export function openParent(
  root: ReflectMessage,
  path: FieldPath,
  faults: ViolationList,
): ReflectMessage | undefined {
  let message = root;
  for (const field of path.parents) {
    if (!mayBeSet(message, field, path, faults)) return undefined;
    const child = message.get(field) as ReflectMessage;
    if (!message.isSet(field)) message.set(field, child);
    message = child;
  }
  return mayBeSet(message, path.leaf, path, faults) ? message : undefined;
}

/** Sets the leaf to a value, or adds the value when the leaf is repeated. */
export function setLeaf(message: ReflectMessage, leaf: DescField, value: unknown): void {
  if (leaf.fieldKind === "list") (message.get(leaf) as ReflectList).add(value);
  else message.set(leaf, value);
}

function mayBeSet(
  message: ReflectMessage,
  field: DescField,
  path: FieldPath,
  faults: ViolationList,
): boolean {
  const taken = field.oneof === undefined ? undefined : message.oneofCase(field.oneof);
  if (taken === undefined || taken === field) return true;
  faults.add(path.text, `cannot be given with ${taken.name}`);
  return false;
}
