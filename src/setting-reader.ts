// Reads settings from the environment, one kind of value at a time.

/**
 * Reads settings; what is wrong is noted and the fallback answered, so that all problems are told
 * together.
 */
export interface SettingReader<Name extends string> {
  /**
   * Notes that something is wrong: a sentence without the name before it and the full stop behind.
   */
  problem(name: Name, sentence: string): void;
  /** Null when it is unset or empty. */
  text(name: Name): string | null;
  /** A whole number in the range, ends included. */
  integer(name: Name, range: { fallback: number; min: number; max: number }): number;
  /** A URL of one of the protocols, such as `https:`. */
  url(name: Name, protocols: readonly string[]): string | null;
  /** One of the values; the fallback is the first when not given. */
  choice<T extends string>(name: Name, values: readonly T[], fallback?: T): T;
}

/** Reads from this environment; problems go to the end of the list. */
export function createSettingReader<Name extends string>(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): SettingReader<Name> {
  const text = (name: Name) => environment[name]?.trim() || null;
  const problem = (name: Name, sentence: string) => {
    problems.push(`${name} ${sentence}.`);
  };
  return {
    text,
    problem,
    integer(name, { fallback, min, max }) {
      const given = text(name);
      if (given === null) return fallback;
      const value = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN;
      if (value >= min && value <= max) return value;
      problem(name, `must be a whole number from ${min} to ${max}, not ${given}`);
      return fallback;
    },
    url(name, protocols) {
      const given = text(name);
      if (given === null) return null;
      if (URL.canParse(given) && protocols.includes(new URL(given).protocol)) return given;
      problem(
        name,
        `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`,
      );
      return null;
    },
    choice(name, values, fallback = values[0] as (typeof values)[number]) {
      const given = text(name);
      const value = given === null ? fallback : values.find((candidate) => candidate === given);
      if (value !== undefined) return value;
      problem(name, `must be one of ${values.join(", ")}, not ${given}`);
      return fallback;
    },
  };
}
