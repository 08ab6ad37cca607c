// The names of enum values in REST: the lower-case short name, `telegram` for CHANNEL_TELEGRAM.
// Numbers never appear for values the enum declares.

import type { DescEnum } from "@bufbuild/protobuf";

/** Converts the values of one enum between numbers and REST names. */
export interface EnumNames {
  /** The short name; an undeclared number of an open enum stays a number. */
  toJson(number: number): string | number;
  /** The number of a short name; undefined when it is none. */
  fromText(text: string): number | undefined;
  /** What a value must be, to be read after the field's name. */
  readonly rule: string;
}

const maxListed = 20;
const cache = new WeakMap<DescEnum, EnumNames>();

/**
 * The names of an enum. The short name is the value's name without the prefix all values share
 * (which is made from the enum's own name), in lower case.
 */
export function enumNames(desc: DescEnum): EnumNames {
  let names = cache.get(desc);
  if (names === undefined) {
    names = compile(desc);
    cache.set(desc, names);
  }
  return names;
}

// Compilers refuse values whose names differ only by case or by the enum's prefix, so short names
// are unique; aliases share a number, and the first one declared is written.
function compile(desc: DescEnum): EnumNames {
  const prefixLength = desc.sharedPrefix?.length ?? 0;
  const textOf = new Map<number, string>();
  const numberOf = new Map<string, number>();
  for (const { name, number } of desc.values) {
    const short = name.slice(prefixLength).toLowerCase();
    if (!textOf.has(number)) textOf.set(number, short);
    numberOf.set(short, number);
  }
  return {
    toJson: (number) => textOf.get(number) ?? number,
    fromText: (text) => numberOf.get(text),
    rule: describe([...textOf.values()]),
  };
}

function describe(texts: readonly string[]): string {
  const offered = texts.filter((text) => text !== "unspecified");
  if (offered.length > maxListed) return "must be a known name";
  return `must be one of ${offered.join(", ")}`;
}
