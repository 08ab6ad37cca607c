// How a website logs people in with Tapin, server side: it starts a sign-in attempt with its API
// key, and trades the code for the profile, bound to the browser that started by its cookie,
// `state` and PKCE. This is the file to learn from. Routing lives in demo.ts, the calls to Tapin in
// tapin-api.ts, the site's memory in visitors.ts.

import { createHash, randomBytes } from "node:crypto";
import { renderSVG } from "uqr";
import type { Answer, Call } from "./http.ts";
import {
  BadRequest,
  isSameOrigin,
  jsonAnswer,
  pageAnswer,
  readJson,
  redirectAnswer,
  withCookie,
} from "./http.ts";
import { messagePage } from "./pages.ts";
import type { CreatedSession, TapinApi } from "./tapin-api.ts";
import type { TextName } from "./texts.ts";
import type { PendingSession, Visitor, Visitors } from "./visitors.ts";

/** What the site has at hand. */
export interface Site {
  readonly api: TapinApi;
  readonly visitors: Visitors;
  /** The site's own base URL as browsers reach it. */
  readonly publicUrl: () => string;
}

/** A login that fails for a reason the person is told. */
export class LoginRefused extends Error {
  readonly text: TextName;

  /** Takes the name of the sentence to show. */
  constructor(text: TextName) {
    super(`The login is refused: ${text}`);
    this.text = text;
  }
}

/**
 * `POST /demo/login {channel, match_code}`: starts a sign-in attempt. The API key, the state and
 * the PKCE verifier stay on this side; the browser gets the link, the QR code and the watch token.
 */
export async function startLogin(site: Site, { request, visitor }: Call): Promise<Answer> {
  requireSameOrigin(site, request);
  const body = await readJson(request);
  const state = randomBytes(16).toString("base64url");
  const codeVerifier = randomBytes(32).toString("base64url");
  const created = await site.api.createSession({
    state,
    code_challenge: sha256(codeVerifier),
    match_code: body.match_code === true,
    client: {
      ip: request.socket?.remoteAddress ?? null,
      user_agent: request.headers["user-agent"]?.slice(0, 512) ?? null,
    },
  });
  const link = body.channel === "max" ? created.max_link : created.telegram_link;
  if (!link) throw new LoginRefused("noBot");
  const session = { sessionId: created.session_id, state, codeVerifier };
  const answer = jsonAnswer(200, forBrowser(created, link));
  return withVisitor(site, answer, site.visitors.addSession(visitor, session));
}

/**
 * `POST /demo/finish {session_id, code}`: the tab that watched the session hands over the code it
 * was told, so the login completes there whatever becomes of the callback URL (T5). Answers with
 * the profile.
 */
export async function finishLogin(site: Site, { request, visitor }: Call): Promise<Answer> {
  requireSameOrigin(site, request);
  const { code, session_id: sessionId } = await readJson(request);
  if (typeof code !== "string") throw new BadRequest(400);
  const session = visitor?.sessions.find((candidate) => candidate.sessionId === sessionId);
  if (!visitor || !session) throw new LoginRefused("codeInvalid");
  const loggedIn = await logIn(site, visitor, session, code);
  return withVisitor(site, jsonAnswer(200, loggedIn.profile), loggedIn);
}

/**
 * `GET /demo/callback?code=&state=`: where the bot's button leads. Only the browser that started,
 * known by its cookie and the state, may use the code (T3: login CSRF). Any other is sent back to
 * the tab that waits, and the code stays good for it (T4, T5).
 */
export async function handleCallback(site: Site, { url, lang, visitor }: Call): Promise<Answer> {
  const code = url.searchParams.get("code");
  const state = url.searchParams.get("state");
  if (visitor?.profile && visitor.profile.state === state) return redirectAnswer("/demo/profile");
  const session = visitor?.sessions.find((candidate) => candidate.state === state);
  if (!visitor || !session || !code) {
    const texts = { title: "elsewhereTitle", message: "elsewhere", link: "startHere" } as const;
    return pageAnswer(200, messagePage(lang, texts));
  }
  const loggedIn = await logIn(site, visitor, session, code);
  return withVisitor(site, redirectAnswer("/demo/profile"), loggedIn);
}

/** `POST /demo/logout`. */
export function logOut(site: Site, { visitor }: Call): Answer {
  // Pages with no-referrer send "Origin: null" with a form, so Origin cannot be asked for here. Nor
  // need it be: the cookie is SameSite=Lax, a form of another site comes without it and ends
  // nothing.
  if (visitor) site.visitors.forget(visitor);
  return withVisitor(site, redirectAnswer("/demo"), undefined);
}

/**
 * The callback URL and the watching tab may bring the same code at once: one verifies it, both get
 * the result.
 */
async function logIn(
  site: Site,
  visitor: Visitor,
  session: PendingSession,
  code: string,
): Promise<Visitor> {
  if (session.login?.code !== code) {
    session.login = { code, visitor: verify(site, visitor, session, code) };
  }
  try {
    const loggedIn = site.visitors.get((await session.login.visitor).id);
    if (!loggedIn) throw new LoginRefused("codeInvalid");
    return loggedIn;
  } catch (error) {
    session.login = undefined;
    throw error;
  }
}

async function verify(
  site: Site,
  visitor: Visitor,
  session: PendingSession,
  code: string,
): Promise<Visitor> {
  const body = { code, code_verifier: session.codeVerifier };
  const profile = await site.api.verifyCode(body, sha256(`${session.codeVerifier} ${code}`));
  if (profile.state !== session.state) throw new LoginRefused("stateMismatch");
  return site.visitors.logIn(visitor, profile);
}

function forBrowser(created: CreatedSession, link: string): Readonly<Record<string, unknown>> {
  // Dark on light whatever the theme, with the four light modules around that ISO/IEC 18004 asks
  // for: cameras need both.
  const qr = renderSVG(link, { ecc: "M", border: 4, whiteColor: "#fff", blackColor: "#000" });
  return { ...created, qr_svg: qr };
}

function withVisitor(site: Site, answer: Answer, visitor: Visitor | undefined): Answer {
  return withCookie(answer, visitor?.id, site.publicUrl().startsWith("https:"));
}

function requireSameOrigin(site: Site, request: Call["request"]): void {
  if (!isSameOrigin(request, site.publicUrl())) throw new BadRequest(403);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
