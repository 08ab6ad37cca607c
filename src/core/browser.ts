// Names the browser of a `User-Agent` header, for the line of the prompt that tells who asks.

import Bowser from "bowser";

/** Such as `Firefox on Linux`; null when the header is absent or says nothing a person would recognise. */
export function browserName(userAgent: string | null): string | null {
  if (userAgent === null || userAgent.trim() === "") return null;
  const { browser, os } = Bowser.parse(userAgent);
  const parts = [browser.name, os.name].filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? null : parts.join(" on ");
}
