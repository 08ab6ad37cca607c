// A project: one site that uses Tapin. Its settings and the rules for its URLs, each told in a
// sentence.

import { SLUG_LIMIT } from "./deep-link.ts";

/** Whether Login also subscribes a person to notifications (T22). */
export const SUBSCRIPTION_POLICIES = ["automatic", "ask", "off"] as const;

/**
 * `automatic`: Login subscribes, and the prompt says so. `ask`: the person is asked after. `off`:
 * neither.
 */
export type SubscriptionPolicy = (typeof SUBSCRIPTION_POLICIES)[number];

/** A project as it is stored. */
export interface Project {
  /** UUID. */
  readonly id: string;
  /** 1-59 of `[a-z0-9-]`; never changes. */
  readonly slug: string;
  readonly name: string;
  readonly callbackUrl: string | null;
  readonly originUrl: string | null;
  readonly redirectUris: readonly string[];
  readonly matchCodeRequired: boolean;
  readonly subscription: SubscriptionPolicy;
  readonly createdAt: Date;
}

/** What CreateProject may say. */
export type ProjectDraft = Omit<Project, "id" | "createdAt">;

/** What UpdateProject may change: only the fields that are there. */
export type ProjectChange = Partial<Omit<ProjectDraft, "slug">>;

/**
 * Longest URL of a project: leaves room for code and state within the 2048 a messenger's button
 * takes.
 */
export const URL_LIMIT = 1600;

/** Most redirect URIs a project may register. */
export const REDIRECT_URI_LIMIT = 20;

const SLUG = new RegExp(`^[a-z0-9-]{1,${SLUG_LIMIT}}$`);

/** Whether a text can be a slug. */
export function isSlug(text: string): boolean {
  return SLUG.test(text);
}

/**
 * What is wrong with a URL a browser is sent to (callback URL or redirect URI), or null. It must be
 * https, or http on a loopback address; a host without a dot is refused, since messengers refuse it
 * in a button.
 */
export function landingUrlProblem(text: string): string | null {
  const url = parseUrl(text);
  if (url === null) return "must be an absolute URL such as https://example.com/login";
  if (url.username !== "" || url.password !== "") return "must not carry a user name or password";
  if (text.includes("#")) return "must not have a fragment (#...)";
  if (text.length > URL_LIMIT) return `must be at most ${URL_LIMIT} characters long`;
  // A final dot is the same host to a resolver, and must not get past the rules below.
  const host = url.hostname.replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) {
    return "must not use localhost, which messengers refuse in a button; use 127.0.0.1 instead";
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    return "must be https, or http on a loopback address such as 127.0.0.1";
  }
  if (!host.includes(".") && !host.startsWith("[")) {
    return "must have a host with a dot in it, since messengers refuse others in a button";
  }
  if (!isPlainlyWritten(text, url)) return `must be written plainly, such as ${url.origin}/login`;
  if (url.searchParams.has("code") || url.searchParams.has("state")) {
    return "must not have a code or state in its query, which Tapin adds";
  }
  return null;
}

/** What is wrong with a browser origin (RFC 6454: scheme, host, port, nothing else), or null. */
export function originUrlProblem(text: string): string | null {
  const url = parseUrl(text);
  if (url === null) return "must be an origin such as https://example.com";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must be http or https";
  if (url.origin !== text.toLowerCase()) {
    return `must be scheme, host and port only, such as ${url.origin}`;
  }
  return null;
}

/**
 * Host to show a person so that they know where they sign in; null when the project has no address.
 */
export function displayHost(project: Project, redirectUri: string | null = null): string | null {
  const address = redirectUri ?? project.originUrl ?? project.callbackUrl;
  return address === null ? null : new URL(address).host;
}

/** The landing URL with code and state added; a query it has already is kept as it is. */
export function landingUrl(base: string, answer: { code: string; state: string | null }): string {
  const query = [`code=${encodeURIComponent(answer.code)}`];
  if (answer.state !== null) query.push(`state=${encodeURIComponent(answer.state)}`);
  const joint = base.includes("?") ? (/[?&]$/.test(base) ? "" : "&") : "?";
  return base + joint + query.join("&");
}

function parseUrl(text: string): URL | null {
  // WHATWG parsing forgives white space and control characters, which have no place in a registered
  // URL.
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  // Addresses are compared exactly: a wildcard would be taken for a promise that nobody keeps.
  return url.hostname.includes("*") ? null : url;
}

/**
 * Parsers disagree about backslashes, missing slashes, numeric hosts and empty labels: none may be
 * stored.
 */
function isPlainlyWritten(text: string, url: URL): boolean {
  const start = `${url.protocol}//${url.host}`;
  return (
    text.toLowerCase().startsWith(start) && !text.includes("\\") && !url.hostname.includes("..")
  );
}

/** Whether a host name, as the URL class spells it, is a loopback address. */
export function isLoopback(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || hostname === "[::1]" || hostname === "localhost";
}
