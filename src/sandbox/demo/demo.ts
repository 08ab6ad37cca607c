// The demo site: a small honest integrator of Tapin, which it knows only over HTTP, as any other
// site would. Here are its routes and what it says when something fails; the login itself, which is
// the part to learn from, is in login.ts.

import { makeProblem, type ProblemStatus, requestIdOf } from "../problem.ts";
import { readScript, readStyle } from "./assets.ts";
import type { Answer, Call, DemoRequest, DemoResponse } from "./http.ts";
import {
  BadRequest,
  jsonAnswer,
  pageAnswer,
  readCookie,
  redirectAnswer,
  sendAnswer,
} from "./http.ts";
import type { Site } from "./login.ts";
import { finishLogin, handleCallback, LoginRefused, logOut, startLogin } from "./login.ts";
import { messagePage, profilePage, startPage } from "./pages.ts";
import { createTapinApi, TapinApiError } from "./tapin-api.ts";
import type { TextName } from "./texts.ts";
import { chooseLang, textsIn } from "./texts.ts";
import { createVisitors } from "./visitors.ts";

/** What the demo site is made from. */
export interface DemoOptions {
  /**
   * Base URL of Tapin's API as the site reaches it, without a slash at the end; asked for at each
   * call.
   */
  readonly apiUrl: () => string;
  /**
   * The site's own base URL as browsers reach it; https makes its cookie Secure. Asked for at each
   * request.
   */
  readonly publicUrl: () => string;
  /**
   * API key of the site's project. The project's callback URL must be `<public URL>/demo/callback`.
   */
  readonly apiKey: string;
  /**
   * Told about every failure that makes the site answer with a status of 500 or more; by default
   * nobody is.
   */
  readonly onError?: (error: unknown) => void;
}

/** The demo site. */
export interface Demo {
  /** Answers a request whose path is `/demo` or begins with `/demo/`. Never rejects. */
  handle(request: DemoRequest, response: DemoResponse): Promise<void>;
}

type Route = (site: Site, call: Call) => Promise<Answer> | Answer;

const routes: ReadonlyMap<string, Readonly<Record<string, Route>>> = new Map([
  ["/demo", { GET: showStart }],
  ["/demo/login", { POST: startLogin }],
  ["/demo/finish", { POST: finishLogin }],
  ["/demo/callback", { GET: handleCallback }],
  ["/demo/profile", { GET: showProfile }],
  ["/demo/logout", { POST: logOut }],
  ["/demo/assets/demo.js", { GET: readScript }],
  ["/demo/assets/demo.css", { GET: readStyle }],
]);

const apiTexts: Readonly<Record<string, TextName>> = {
  code_invalid: "codeInvalid",
  rate_limited: "rateLimited",
  unreachable: "unreachable",
  unavailable: "unreachable",
};

/** Makes the demo site. It listens nowhere: the caller hands it the requests under `/demo`. */
export function createDemo(options: DemoOptions): Demo {
  const visitors = createVisitors();
  const site = { api: createTapinApi(options), visitors, publicUrl: options.publicUrl };

  async function answerTo(call: Call): Promise<Answer> {
    const methods = routes.get(call.url.pathname);
    if (!methods) return problemAnswer(call, { status: 404, text: "notFound" });
    const { method = "" } = call.request;
    const route = methods[method === "HEAD" ? "GET" : method];
    if (!route) {
      const answer = problemAnswer(call, { status: 405, text: "notFound" });
      return { ...answer, headers: { ...answer.headers, allow: allowed(methods) } };
    }
    try {
      return await route(site, call);
    } catch (error) {
      const failure = describeFailure(error);
      const { status, text } = failure;
      if (status >= 500) options.onError?.(error);
      return call.url.pathname === "/demo"
        ? pageAnswer(status, startPage(call.lang, { problem: text }))
        : problemAnswer(call, failure);
    }
  }

  return {
    async handle(request, response) {
      // Joined as text: a target such as "//x" would be taken for another host by URL's own
      // joining.
      const url = new URL(`http://demo.invalid${request.url}`);
      const lang = chooseLang(request.headers["accept-language"]);
      const visitor = visitors.get(readCookie(request));
      const requestId = requestIdOf(response);
      sendAnswer(request, response, await answerTo({ request, url, requestId, lang, visitor }));
    },
  };
}

async function showStart(site: Site, { lang, visitor }: Call): Promise<Answer> {
  if (visitor?.profile) return pageAnswer(200, startPage(lang, { profile: visitor.profile }));
  return pageAnswer(200, startPage(lang, { links: await site.api.getLink() }));
}

function showProfile(_site: Site, { lang, visitor }: Call): Answer {
  if (!visitor?.profile) return redirectAnswer("/demo");
  return pageAnswer(200, profilePage(lang, visitor.profile));
}

/**
 * What a person is told of a failure; the code is for scripts, and that of the status when it is
 * left out.
 */
interface Failure {
  readonly status: ProblemStatus;
  readonly text: TextName;
  readonly code?: string;
}

/** Answers in the form the caller reads: JSON to the page's script, a page to a person. */
function problemAnswer(call: Call, { status, text, ...given }: Failure): Answer {
  const { request, url, lang, requestId } = call;
  const isScript = url.pathname === "/demo/login" || url.pathname === "/demo/finish";
  if (isScript && request.method === "POST") {
    const error = textsIn(lang)[text];
    return jsonAnswer(status, makeProblem(status, { error, requestId, ...given }));
  }
  const texts =
    text === "notFound"
      ? ({ title: "notFoundTitle", message: text, link: "toStart" } as const)
      : ({ title: "problemTitle", message: text, link: "startAgain" } as const);
  return pageAnswer(status, messagePage(lang, texts));
}

function describeFailure(error: unknown): Failure {
  if (error instanceof BadRequest) {
    return { status: error.status, text: error.status === 403 ? "forbidden" : "badRequest" };
  }
  if (error instanceof LoginRefused) {
    const { text } = error;
    return text === "noBot" ? { status: 400, text } : { status: 400, text, code: "code_invalid" };
  }
  if (!(error instanceof TapinApiError)) return { status: 500, text: "internal" };
  const text = apiTexts[error.reason] ?? "serviceError";
  if (text === "codeInvalid") return { status: 400, text, code: "code_invalid" };
  return { status: 503, text };
}

function allowed(methods: Readonly<Record<string, Route>>): string {
  return Object.keys(methods).join(", ").replace("GET", "GET, HEAD");
}
