// Finds descriptors by name, for server reflection: files, whatever is declared in them, and
// extensions.

import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** What can be found. */
export interface Descriptors {
  /** By the name it is imported by, such as `tapin/auth/v1/auth.proto`. */
  file(name: string): DescFile | undefined;
  /**
   * The file that declares this fully-qualified name: of a service, method, type, field, value or
   * extension.
   */
  fileOf(symbol: string): DescFile | undefined;
  /** The file that declares extension `number` of a message type. */
  fileOfExtension(type: string, number: number): DescFile | undefined;
  /** Numbers of all extensions of a message type; undefined when there is no such type. */
  extensionsOf(type: string): readonly number[] | undefined;
  /** A file as `google.protobuf.FileDescriptorProto`. */
  bytesOf(file: DescFile): Uint8Array;
}

/** Indexes these files and all they import. */
export function indexDescriptors(roots: readonly DescFile[]): Descriptors {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const bytes = new Map<DescFile, Uint8Array>();
  for (const file of withImports(roots)) {
    files.set(file.proto.name, file);
    for (const symbol of symbolsIn(file)) symbols.set(symbol, file);
    for (const type of nestedTypes(file)) {
      if (type.kind === "message" && !extensions.has(type.typeName)) {
        extensions.set(type.typeName, new Map());
      }
      if (type.kind !== "extension") continue;
      const { typeName } = type.extendee;
      const numbers = extensions.get(typeName) ?? new Map<number, DescFile>();
      extensions.set(typeName, numbers.set(type.number, file));
    }
  }
  return {
    file: (name) => files.get(name),
    fileOf: (symbol) => symbols.get(symbol),
    fileOfExtension: (type, number) => extensions.get(type)?.get(number),
    extensionsOf(type) {
      const numbers = extensions.get(type);
      return numbers && [...numbers.keys()];
    },
    bytesOf(file) {
      const made = bytes.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
      bytes.set(file, made);
      return made;
    },
  };
}

/** These files and all they import, each once, importers first. */
export function withImports(roots: readonly DescFile[]): ReadonlySet<DescFile> {
  const files = new Set(roots);
  // A set also walks what is added to it on the way.
  for (const file of files) for (const imported of file.dependencies) files.add(imported);
  return files;
}

function symbolsIn(file: DescFile): readonly string[] {
  return [...nestedTypes(file)].flatMap((type) => [type.typeName, ...membersOf(type)]);
}

function membersOf(type: DescMessage | DescEnum | DescExtension | DescService): readonly string[] {
  const within = (scope: string, members: readonly { readonly name: string }[]) =>
    members.map(({ name }) => (scope === "" ? name : `${scope}.${name}`));
  switch (type.kind) {
    case "message":
      return within(type.typeName, [...type.fields, ...type.oneofs]);
    case "service":
      return within(type.typeName, type.methods);
    case "enum":
      // Values of an enum are its siblings, not its children (descriptor.proto,
      // EnumValueDescriptorProto).
      return within(type.parent?.typeName ?? type.file.proto.package, type.values);
    default:
      return [];
  }
}
