// Names the browser of a `User-Agent` header, for the line of the prompt that tells who asks.

import Bowser from "bowser";

const BROWSERS: readonly string[] = Object.values(Bowser.BROWSER_MAP);
const SYSTEMS: readonly string[] = Object.values(Bowser.OS_MAP);

/**
 * Such as `Firefox on Linux`; null when the header is absent or says nothing a person would
 * recognise.
 */
export function browserName(userAgent: string | null): string | null {
  if (userAgent === null || userAgent.trim() === "") return null;
  const { browser, os } = Bowser.parse(userAgent);
  const parts = [known(BROWSERS, browser.name), known(SYSTEMS, os.name)].filter(
    (name) => name !== undefined,
  );
  return parts.length === 0 ? null : parts.join(" on ");
}

/**
 * Bowser repeats text of the header for what it does not know, and that text is the asker's (T2).
 */
function known(names: readonly string[], name: string | undefined): string | undefined {
  return names.find((candidate) => candidate === name);
}
