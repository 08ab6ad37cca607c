// Makes the request message of a call from its body, query and path, and fills what follows from
// them: the update mask of a PATCH and the point to resume a stream from. Reading HTTP is the
// transcoder's.

import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { type FieldPath, openParent, setLeaf, textReader } from "./field-path.ts";
import type { HttpBinding } from "./http-rule.ts";
import type { FieldReader, JsonInput, JsonReader } from "./json-input.ts";
import { parseJsonText } from "./json-text.ts";
import { bindQuery, type QueryBinding } from "./query-binding.ts";
import { type Scalar, scalarToJson } from "./scalar-value.ts";
import { TranscodeError } from "./transcode-error.ts";
import { ViolationList } from "./violation-list.ts";

/** The parts of an HTTP request that become the request message. */
export interface RequestParts {
  /** Decoded values of the path variables, in the order of the template. */
  readonly captures: readonly string[];
  /** The raw query without its `?`. */
  readonly query: string;
  /** The whole body; empty for none. */
  readonly body: Uint8Array;
  /**
   * The `Last-Event-ID` of a reconnecting event source (WHATWG HTML section 9.2); null for none.
   */
  readonly lastEventId: string | null;
}

/** Makes request messages for one binding. */
export class RequestBinder {
  readonly #binding: HttpBinding;
  readonly #query: QueryBinding;
  readonly #readWhole: JsonReader<ReflectMessage>;
  readonly #readField: FieldReader | undefined;
  readonly #maskField: DescField | undefined;
  readonly #resumeField: DescField | undefined;

  constructor(binding: HttpBinding, input: JsonInput, resumeField?: DescField) {
    const { body, descriptor, variables } = binding;
    const desc = descriptor.input;
    this.#binding = binding;
    this.#query = {
      desc,
      pathFields: new Set(variables.map(({ text }) => text)),
      body: typeof body === "object" ? body.name : body,
    };
    this.#readWhole = input.message(desc);
    this.#readField = typeof body === "object" ? input.field(body) : undefined;
    this.#maskField = binding.method === "PATCH" ? desc.fields.find(isUpdateMask) : undefined;
    this.#resumeField = resumeField;
  }

  /**
   * Makes the request message. Throws a `TranscodeError` of kind `invalid_request` with all faults
   * found. A path variable that the body repeats must have the same value there.
   */
  bind(parts: RequestParts): Message {
    const faults = new ViolationList();
    const json = this.#parseBody(parts.body);
    const request = this.#bindBody(json, faults);
    bindQuery(this.#query, parts.query, request, faults);
    this.#binding.variables.forEach((variable, index) => {
      this.#bindVariable({ variable, text: parts.captures[index] ?? "", request, json, faults });
    });
    this.#fillMask(request, json);
    this.#resume(request, parts.lastEventId);
    faults.throwIfAny();
    return request.message;
  }

  #parseBody(body: Uint8Array): JsonValue | undefined {
    if (body.length === 0) return undefined;
    if (this.#binding.body === undefined) {
      throw new TranscodeError("invalid_request", "This method takes no body.");
    }
    const json = parseJsonText(body);
    if (this.#binding.body === "*" && !isObject(json)) {
      throw new TranscodeError("invalid_request", "The body must be a JSON object.");
    }
    return json;
  }

  #bindBody(json: JsonValue | undefined, faults: ViolationList): ReflectMessage {
    const { body, descriptor } = this.#binding;
    if (body === "*" && json !== undefined) {
      return this.#readWhole(json, "", faults) ?? reflect(descriptor.input);
    }
    const request = reflect(descriptor.input);
    if (typeof body === "object" && json !== undefined) {
      this.#readField?.(request, json, body.name, faults);
    }
    return request;
  }

  #bindVariable(options: {
    variable: FieldPath;
    text: string;
    request: ReflectMessage;
    json: JsonValue | undefined;
    faults: ViolationList;
  }): void {
    const { variable, text, request, json, faults } = options;
    const reader = textReader(variable.leaf);
    const value = reader?.read(text);
    if (value === undefined) {
      faults.add(variable.text, reader?.rule ?? "cannot be read");
      return;
    }
    const message = openParent(request, variable, faults);
    if (message === undefined) return;
    const repeated = this.#isInBody(variable, json);
    if (repeated && !equalScalars(message.get(variable.leaf), value)) {
      faults.add(variable.text, "differs between the path and the body");
    } else if (!repeated) setLeaf(message, variable.leaf, value);
  }

  /** Whether the body gives the field too; `null` there does not give it. */
  #isInBody({ parents, leaf }: FieldPath, json: JsonValue | undefined): boolean {
    const { body } = this.#binding;
    const fields = [...parents, leaf];
    if (body !== "*" && fields.shift() !== body) return false;
    let value: JsonValue | undefined = json;
    for (const { name } of fields) {
      if (!isObject(value)) return false;
      value = ownValue(value, name);
    }
    return value !== undefined && value !== null;
  }

  #fillMask(request: ReflectMessage, json: JsonValue | undefined): void {
    const { body, descriptor, variables } = this.#binding;
    const field = this.#maskField;
    if (field === undefined || body === undefined || request.isSet(field)) return;
    const owner = body === "*" ? descriptor.input : body.message;
    if (owner === undefined) return;
    const skipped = new Set(variables.filter(isTopLevelIn(body)).map(({ leaf }) => leaf));
    skipped.add(field);
    const keys = isObject(json) ? Object.keys(json) : [];
    const paths = keys.flatMap((key) => {
      const named = fieldOfKey(owner, key);
      return named === undefined || skipped.has(named) ? [] : [named.name];
    });
    request.set(field, reflect(FieldMaskSchema, create(FieldMaskSchema, { paths })));
  }

  #resume(request: ReflectMessage, lastEventId: string | null): void {
    const field = this.#resumeField;
    if (field === undefined || lastEventId === null) return;
    const value = textReader(field)?.read(lastEventId);
    // An id we never sent means "from the start": an event source has no way to learn of an error.
    if (value === undefined || (typeof value !== "string" && Number(value) < 0)) return;
    setLeaf(request, field, value);
  }
}

function isUpdateMask(field: DescField): boolean {
  return (
    field.name === "update_mask" &&
    field.fieldKind === "message" &&
    field.message.typeName === FieldMaskSchema.typeName
  );
}

function isTopLevelIn(body: DescField | "*"): (variable: FieldPath) => boolean {
  return ({ parents }) =>
    body === "*" ? parents.length === 0 : parents.length === 1 && parents[0] === body;
}

function fieldOfKey(owner: DescMessage, key: string): DescField | undefined {
  return owner.fields.find(({ name }) => name === key);
}

function ownValue(json: { [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(json, key) ? json[key] : undefined;
}

function isObject(json: JsonValue | undefined): json is { [key: string]: JsonValue } {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}

function equalScalars(left: unknown, right: unknown): boolean {
  return scalarToJson(left as Scalar) === scalarToJson(right as Scalar);
}
