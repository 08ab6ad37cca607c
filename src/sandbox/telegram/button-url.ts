// Which URLs Telegram takes for a button, and how it writes them. The rules and the words are those
// of TDLib (`LinkManager::check_link`, `parse_url`), the code that stands behind the real Bot API.

interface Authority {
  readonly userinfo: string;
  readonly host: string;
  readonly port: string;
}

class UrlProblem extends Error {}

const UNSAFE_IN_URL_PART = /[^A-Za-z0-9.\-_!$,~*'();&+=%\u0080-\u{10ffff}]/u;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;

function splitPort(authority: string): { rest: string; port: string } {
  const match = /^(.+):([^:\]@]*)$/su.exec(authority);
  if (match === null) return { rest: authority, port: "" };
  const port = (match[2] ?? "").replace(/^0+(?=.)/, "");
  if (!/^[1-9]\d*$/.test(port) || Number(port) > 65535) {
    throw new UrlProblem("Wrong port number specified in the URL");
  }
  return { rest: match[1] ?? "", port };
}

function checkPart(part: string, name: string): void {
  if (BAD_PERCENT.test(part)) throw new UrlProblem(`Wrong percent-encoded symbol in URL ${name}`);
  if (UNSAFE_IN_URL_PART.test(part)) throw new UrlProblem(`Disallowed character in URL ${name}`);
}

function checkHost(host: string): void {
  if (host === "") throw new UrlProblem("URL host is empty");
  if (host === ".") throw new UrlProblem("Host is invalid");
  if (!isIpv6(host)) checkPart(host, "host");
  else if (!URL.canParse(`http://${host}/`)) {
    throw new UrlProblem("Wrong IPv6 address specified in the URL");
  }
}

function isIpv6(host: string): boolean {
  return host.startsWith("[") && host.endsWith("]");
}

function parseAuthority(authority: string): Authority {
  const { rest, port } = splitPort(authority);
  const at = rest.lastIndexOf("@");
  const userinfo = at === -1 ? "" : rest.slice(0, at);
  const host = rest.slice(at + 1).toLowerCase();
  checkHost(host);
  checkPart(userinfo.replaceAll(":", ""), "userinfo");
  return { userinfo, host, port };
}

function hexByte(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
}

function normalizeQuery(rest: string): string {
  const query = rest.trimEnd() || "/";
  const escaped = Array.from(query, (character) =>
    character > " " ? character : `%${hexByte(character)}`,
  ).join("");
  return escaped.startsWith("/") ? escaped : `/${escaped}`;
}

function splitUrl(url: string): { scheme: string; authority: Authority; query: string } {
  const scheme = /^([^:/?#@[\]]*):\/\//.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    throw new UrlProblem("Unsupported URL protocol");
  }
  const rest = scheme === undefined ? url : url.slice(scheme.length + 3);
  const end = rest.search(/[/?#]/);
  const authority = parseAuthority(end === -1 ? rest : rest.slice(0, end));
  return {
    scheme: scheme ?? "http",
    authority,
    query: normalizeQuery(end === -1 ? "" : rest.slice(end)),
  };
}

function checkTgUrl(rest: string): string {
  const { scheme, authority, query } = splitUrl(rest);
  const { host, port, userinfo } = authority;
  if (/^http:\/\//i.test(rest) || scheme === "https" || userinfo || port || isIpv6(host)) {
    throw new UrlProblem("Wrong tg URL");
  }
  if (/[^a-z0-9_-]/.test(host)) throw new UrlProblem("Unallowed characters in URL host");
  return `tg://${host}${query.startsWith("/?") ? query.slice(1) : query}`;
}

function checkUrl(url: string): string {
  const tg = /^tg:(?:\/\/)?/i.exec(url);
  if (tg !== null) return checkTgUrl(url.slice(tg[0].length));
  const { scheme, authority, query } = splitUrl(url);
  const { host, port, userinfo } = authority;
  // This is why `http://localhost:3000` is refused and `http://127.0.0.1:3000` is not.
  if (!host.includes(".") && !isIpv6(host)) throw new UrlProblem("Wrong HTTP URL");
  return `${scheme}://${userinfo && `${userinfo}@`}${host}${port && `:${port}`}${query}`;
}

/** The URL as Telegram keeps it, or the reason it gives for refusing it. */
export type ButtonUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly problem: string };

/**
 * Checks the URL of an inline button: http when the scheme is absent; http, https or tg otherwise;
 * a host with a dot, or an IPv6 address.
 */
export function checkButtonUrl(url: string): ButtonUrl {
  try {
    return { ok: true, url: checkUrl(url) };
  } catch (error) {
    if (!(error instanceof UrlProblem)) throw error;
    return { ok: false, problem: `URL '${url}' is invalid: ${error.message}` };
  }
}
