// Proactive content negotiation: which of our media types an `Accept` header likes best
// (RFC 9110 section 12.5.1). The type of a request body is the content type's.

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

/**
 * The offered media type the header likes best; of equally liked ones the more precisely named,
 * then the one offered first. An absent or empty header likes everything. Null when nothing is
 * acceptable. Parameters other than `q` are not compared; a malformed `q` counts as 1.
 */
export function negotiate(accept: string | null, offers: readonly string[]): string | null {
  if (accept === null || accept.trim() === "") return offers[0] ?? null;
  const ranges = accept.split(",").map(parseRange);
  let best: { offer: string; weight: number; precision: number } | undefined;
  for (const offer of offers) {
    const { weight, precision } = appraise(offer, ranges);
    const isBetter =
      best === undefined ||
      weight > best.weight ||
      (weight === best.weight && precision > best.precision);
    if (weight > 0 && isBetter) best = { offer, weight, precision };
  }
  return best?.offer ?? null;
}

function parseRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const isWeight = q !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q);
  return { type, weight: isWeight ? Number(q) : 1 };
}

// The most precise range decides, so "application/json;q=0, */*" refuses JSON.
function appraise(
  offer: string,
  ranges: readonly MediaRange[],
): { weight: number; precision: number } {
  const spellings = ["*/*", `${offer.slice(0, offer.indexOf("/"))}/*`, offer];
  for (let precision = spellings.length - 1; precision >= 0; precision--) {
    const named = ranges.filter(({ type }) => type === spellings[precision]);
    if (named.length > 0)
      return { weight: Math.max(...named.map(({ weight }) => weight)), precision };
  }
  return { weight: 0, precision: 0 };
}
