// The login panel of the demo site's start page: QR code, link, countdown and what happens
// meanwhile. It finds its elements and sentences in the page the server made
// (src/sandbox/demo/pages.ts). Following the session lives in demo-watch.ts.

import { cancelSession, watchSession } from "./demo-watch.ts";

/** What the site's server answers to a started login. */
interface StartedLogin {
  readonly session_id: string;
  readonly telegram_link: string | null;
  readonly max_link: string | null;
  readonly expires_in: number;
  readonly interval: number;
  readonly watch_token: string;
  readonly match_code?: string;
  readonly qr_svg: string;
}

type Channel = "telegram" | "max";

/** A login this tab follows; kept in sessionStorage, so that it survives a reload. */
interface PendingLogin extends StartedLogin {
  readonly channel: Channel;
  /**
   * When the session expires, in milliseconds of this browser's clock: for the countdown only, the
   * server decides.
   */
  readonly deadline: number;
}

type PanelState =
  | "starting"
  | "waiting"
  | "opened"
  | "trouble"
  | "completed"
  | "expired"
  | "cancelled"
  | "failed";

const storageKey = "demo-login";
// A code lives this long after the session completed, at most: later there is nothing to come back
// for.
const codeLifeMs = 300_000;
const requestTimeoutMs = 15_000;
const finishPauseMs = 2_000;

const start = element("start");
const panel = element("panel");
const title = element("panel-title");
const statusLine = element("status");
const timeLeft = element("time-left");
const link = element("link");
const again = element("again");
const typedText = element("typed-text");
const copied = element("copied");
const matchBox = document.getElementById("match");

let channel: Channel = "telegram";
let pending: PendingLogin | undefined;
let following = new AbortController();

for (const button of start.querySelectorAll<HTMLElement>("button[data-channel]")) {
  button.addEventListener("click", () => {
    channel = button.dataset.channel === "max" ? "max" : "telegram";
    startLogin().catch(fail);
  });
}
again.addEventListener("click", () => startLogin().catch(fail));
element("cancel").addEventListener("click", () => cancelLogin().catch(fail));
element("copy").addEventListener("click", copyTypedText);
setInterval(showTimeLeft, 1000);
// A page kept in memory while the person was elsewhere would go on where nothing waits any more.
addEventListener("pageshow", (event) => event.persisted && location.reload());
resumeLogin();

async function startLogin(): Promise<void> {
  if (panel.dataset.state === "starting") return;
  following.abort();
  following = new AbortController();
  pending = undefined;
  openPanel();
  show("starting");
  const matchCode = matchBox instanceof HTMLInputElement && matchBox.checked;
  const answer = await post("/demo/login", { channel, match_code: matchCode });
  const login = answer as StartedLogin;
  const deadline = Date.now() + login.expires_in * 1000;
  const started = { ...login, channel, deadline };
  sessionStorage.setItem(storageKey, JSON.stringify(started));
  await followLogin(started);
}

function resumeLogin(): void {
  const stored = sessionStorage.getItem(storageKey);
  if (stored === null) return;
  const login = JSON.parse(stored) as PendingLogin;
  if (Date.now() > login.deadline + codeLifeMs) {
    sessionStorage.removeItem(storageKey);
    return;
  }
  channel = login.channel;
  openPanel();
  followLogin(login).catch(fail);
}

async function followLogin(login: PendingLogin): Promise<void> {
  const { signal } = following;
  pending = login;
  fillPanel(login);
  show("waiting");
  let isOpened = false;
  const events = {
    onPending(opened: boolean | undefined) {
      isOpened = opened ?? isOpened;
      show(isOpened ? "opened" : "waiting");
    },
    onTrouble: () => show("trouble"),
  };
  const end = await watchSession(login, events, signal).catch(() => undefined);
  // Undefined: this login was given up for another one, or cancelled here.
  if (end === undefined) return;
  if (end.status === "completed") await finishLogin(login, end.code);
  else if (end.status === "expired" && (await isLoggedIn())) location.assign("/demo/profile");
  else show(end.status);
}

async function finishLogin(login: PendingLogin, code: string): Promise<void> {
  const body = { session_id: login.session_id, code };
  for (;;) {
    try {
      show("completed");
      await post("/demo/finish", body);
      break;
    } catch (error) {
      // A refusal is final; a lost answer or a pause of the service is not, and finishing twice
      // does no harm.
      const isFinal = error instanceof Refusal && error.status < 500;
      if (isFinal || Date.now() > login.deadline + codeLifeMs) throw error;
      show("completed", text("trouble"));
      await new Promise((resolve) => setTimeout(resolve, finishPauseMs));
    }
  }
  sessionStorage.removeItem(storageKey);
  location.assign("/demo/profile");
}

async function cancelLogin(): Promise<void> {
  if (!pending) return;
  const end = await cancelSession(pending);
  if (end === "completed") return;
  following.abort();
  show(end);
}

/**
 * Another tab may have used the code already, by the bot's button: then this browser is logged in.
 */
async function isLoggedIn(): Promise<boolean> {
  const response = await fetch("/demo/profile", { method: "HEAD", redirect: "manual" });
  return response.ok;
}

/** A request the site's server did not grant, with its sentence for the person. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

async function post(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const hasSentence = typeof answer === "object" && answer !== null && "error" in answer;
  throw new Refusal(response.status, hasSentence ? String(answer.error) : "");
}

function fail(error: unknown): void {
  show("failed", error instanceof Refusal ? error.message : undefined);
}

function openPanel(): void {
  const isMax = channel === "max";
  title.textContent = text(isMax ? "loginMax" : "loginTelegram");
  element("link-label").textContent = text(isMax ? "openMax" : "openTelegram");
  start.hidden = true;
  panel.hidden = false;
  title.focus();
}

function fillPanel(login: PendingLogin): void {
  const href = login.channel === "max" ? login.max_link : login.telegram_link;
  link.setAttribute("href", href ?? "");
  element("qr-caption").textContent = text(isOfThisComputer(href) ? "qrLocal" : "qrCaption");
  // An image cannot run script, whatever is in it.
  element("qr").setAttribute("src", `data:image/svg+xml,${encodeURIComponent(login.qr_svg)}`);
  const typed = login.channel === "max" ? typedStart(href) : null;
  element("typed-start").hidden = typed === null;
  typedText.textContent = typed;
  copied.textContent = "";
  element("match-code").hidden = login.match_code === undefined;
  element("match-digits").textContent = login.match_code ?? "";
  showTimeLeft();
}

function show(state: PanelState, sentence?: string): void {
  panel.dataset.state = state;
  const name = state === "opened" && pending?.match_code !== undefined ? "openedMatch" : state;
  const line = sentence || text(name);
  // Unchanged text is left alone: a screen reader would say it again.
  if (statusLine.textContent !== line) statusLine.textContent = line;
  const isPending = state === "waiting" || state === "opened" || state === "trouble";
  for (const id of ["ways", "countdown", "cancel"]) element(id).hidden = !isPending;
  const isOver = state === "expired" || state === "cancelled" || state === "failed";
  again.hidden = !isOver;
  markStep(state === "completed" ? 3 : isPending ? 2 : 1);
  if (isOver) {
    sessionStorage.removeItem(storageKey);
    again.focus();
  }
}

/** Marks where the person is in "How it goes". */
function markStep(step: number): void {
  for (const [index, item] of document.querySelectorAll(".steps li").entries()) {
    if (index + 1 === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

/** Such a link, in a QR code, leads another device to itself: nothing of ours is there. */
function isOfThisComputer(href: string | null): boolean {
  const { hostname } = new URL(href ?? "", location.href);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** What to send the bot by hand: the command that stands for the link. */
function typedStart(href: string | null): string | null {
  const payload = new URL(href ?? "", location.href).searchParams.get("start");
  return payload === null ? null : `/start ${payload}`;
}

async function copyTypedText(): Promise<void> {
  let name = "copied";
  try {
    await navigator.clipboard.writeText(typedText.textContent ?? "");
  } catch {
    // Only pages of a secure context have a clipboard, and the person may refuse it.
    getSelection()?.selectAllChildren(typedText);
    name = "notCopied";
  }
  copied.textContent = text(name);
}

function showTimeLeft(): void {
  if (!pending) return;
  const seconds = Math.max(0, Math.ceil((pending.deadline - Date.now()) / 1000));
  timeLeft.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A sentence the server put on the panel. */
function text(name: string): string {
  return panel.dataset[name] ?? "";
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element "${id}"`);
  return found;
}
