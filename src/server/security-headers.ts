// Headers for browsers that every answer carries, so that nothing we send is taken for a page,
// framed, or named to another site. A page of our own says otherwise in its own headers.

/** Name and value of each. */
export const SECURITY_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["x-content-type-options", "nosniff"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["referrer-policy", "no-referrer"],
];
