// Binds the query of a request target to the fields that neither path nor body set, strictly: proto
// names, one value for each field that is not repeated, nothing unknown. Paths and bodies are
// others'.

import type { DescMessage } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { type FieldPath, openParent, resolveFieldPath, setLeaf, textReader } from "./field-path.ts";
import { decodeQueryPart } from "./percent-encoding.ts";
import { TranscodeError } from "./transcode-error.ts";
import type { ViolationList } from "./violation-list.ts";

/** Which fields of a request its query may set. */
export interface QueryBinding {
  /** The request's type. */
  readonly desc: DescMessage;
  /** Field paths set by the path; the query may not set them too. */
  readonly pathFields: ReadonlySet<string>;
  /** The top-level field that is the body, `*` when all fields are, or undefined. */
  readonly body: string | undefined;
}

/** Sets fields of the request from a raw query without its `?`. Faults go to the list. */
export function bindQuery(
  binding: QueryBinding,
  query: string,
  request: ReflectMessage,
  faults: ViolationList,
): void {
  if (query === "") return;
  for (const [name, values] of parseQuery(query))
    bindParameter(binding, { name, values, request, faults });
}

/**
 * Splits a raw query into names and their values. Empty pieces (`a=1&&b=2`) are skipped; a name
 * without `=` has the value "". Throws a `TranscodeError` for an empty name and for text that is
 * not UTF-8.
 */
export function parseQuery(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const piece of query.split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const name = decodeQueryPart(equals === -1 ? piece : piece.slice(0, equals));
    const value = decodeQueryPart(equals === -1 ? "" : piece.slice(equals + 1));
    if (name === undefined || value === undefined) {
      throw new TranscodeError("invalid_request", "The query is not percent-encoded UTF-8.");
    }
    if (name === "") {
      throw new TranscodeError("invalid_request", "The query has a parameter without a name.");
    }
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

interface Parameter {
  readonly name: string;
  readonly values: readonly string[];
  readonly request: ReflectMessage;
  readonly faults: ViolationList;
}

function bindParameter(binding: QueryBinding, { name, values, request, faults }: Parameter): void {
  const path = resolveFieldPath(binding.desc, name);
  const reader = path && textReader(path.leaf);
  const refusal = refuse(binding, path, reader === undefined, values.length);
  if (path === undefined || reader === undefined || refusal !== undefined) {
    faults.add(name, refusal ?? "is not known");
    return;
  }
  const message = openParent(request, path, faults);
  if (message === undefined) return;
  for (const text of values) {
    const value = reader.read(text);
    if (value === undefined) faults.add(name, reader.rule);
    else setLeaf(message, path.leaf, value);
  }
}

function refuse(
  binding: QueryBinding,
  path: FieldPath | undefined,
  unreadable: boolean,
  count: number,
): string | undefined {
  if (path === undefined) return "is not known";
  if (binding.pathFields.has(path.text)) return "is set by the path";
  const top = (path.parents[0] ?? path.leaf).name;
  if (binding.body === "*" || binding.body === top) return "belongs in the body, not in the query";
  if (unreadable) return "cannot be given in the query";
  if (count > 1 && path.leaf.fieldKind !== "list") return "is given more than once";
  return undefined;
}
