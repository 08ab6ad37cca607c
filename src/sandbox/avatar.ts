// The pictures of pretend people: a coloured disc with a face, made from the number alone, so that
// nothing is kept.

import type { Answer } from "./http-exchange.ts";

// No script, no style from elsewhere: the picture is opened as a document when somebody follows its
// address.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** Answers with the picture of a person: SVG, the same each time for one number. */
export function avatarAnswer(userId: number): Answer {
  // The golden angle keeps the colours of neighbouring numbers apart.
  const hue = Math.round((userId * 137.508) % 360);
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160" viewBox="0 0 160 160">' +
    `<rect width="160" height="160" fill="hsl(${hue} 60% 42%)"/>` +
    '<circle cx="80" cy="64" r="30" fill="#fff" fill-opacity=".9"/>' +
    '<path d="M22 160a58 52 0 0 1 116 0z" fill="#fff" fill-opacity=".9"/></svg>';
  const headers = {
    "content-type": "image/svg+xml",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "max-age=86400",
  };
  return { status: 200, headers, body: svg };
}
