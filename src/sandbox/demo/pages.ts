// The pages of the demo site: values in, HTML out. Styles live in src/web/demo.css, behaviour in
// src/web/demo.ts, which finds its elements by the ids given here.

import { type Html, html } from "../html.ts";
import type { Links, Profile } from "./tapin-api.ts";
import type { Lang, TextName, Texts } from "./texts.ts";
import { textsIn } from "./texts.ts";

const channelNames: Readonly<Record<string, string>> = { telegram: "Telegram", max: "MAX" };

const plane = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M21.4 3.6 2.9 10.8c-.9.3-.9 1.6.1 1.9l4.6 1.4 1.8 5.5c.2.8 1.2 1 1.7.4l2.5-2.6 4.7 3.4c.6.5 1.5.1 1.6-.6l2.9-15.4c.2-.9-.6-1.6-1.4-1.2Zm-3.3 3.9-8 7.1-.4 2.6-1.1-3.6 9-6.6c.3-.2.8.2.5.5Z"/>
</svg>`;

const bubble = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M12 3a9 9 0 0 0-7.7 13.7L3.2 20a.8.8 0 0 0 1 1l3.4-1A9 9 0 1 0 12 3Zm0 4.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6Z"/>
</svg>`;

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E" +
  "%3Crect width='32' height='32' rx='9' fill='%23176b87'/%3E" +
  "%3Cpath d='M9 16.5l5 5 9-11' fill='none' stroke='white' stroke-width='3.5' " +
  "stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

/** What the start page needs to know. */
export interface StartPage {
  /** Which messengers can be used; absent when Tapin did not say. */
  readonly links?: Links;
  /** The sentence to show when something is wrong. */
  readonly problem?: TextName;
  /** Present when the browser is logged in. */
  readonly profile?: Profile;
}

/**
 * The start page: the login buttons and, hidden, the panel the script fills; or a greeting to who
 * is logged in.
 */
export function startPage(lang: Lang, page: StartPage): Html {
  const t = textsIn(lang);
  const card = page.profile ? greetingCard(t, page.profile) : loginCard(t, page);
  const content = html`<div class="columns">
  <section class="intro">
    <h1>${t.welcome}</h1>
    <p class="lead">${t.lead}</p>
    <h2>${t.stepsTitle}</h2>
    <ol class="steps">
      <li>${t.step1}</li>
      <li>${t.step2}</li>
      <li>${t.step3}</li>
    </ol>
  </section>
  ${card}
</div>`;
  const script = html`<script type="module" src="/demo/assets/demo.js"></script>`;
  return layout(lang, { title: t.welcome, content, head: page.profile ? undefined : script });
}

/** The profile page: everything the site was told about who logged in. */
export function profilePage(lang: Lang, profile: Profile): Html {
  const t = textsIn(lang);
  const name = `${t.hello}, ${profile.first_name}!`;
  const content = html`<section class="card profile stack">
  <header class="person">${avatar(profile)}<h1>${name}</h1></header>
  <p>${t.profileLead}</p>
  <dl>
    ${field(t.fieldChannel, channelNames[profile.channel] ?? profile.channel)}
    ${field(t.fieldFirstName, profile.first_name)}
    ${field(t.fieldUsername, profile.username === null ? none(t) : `@${profile.username}`)}
    ${field(t.fieldSubscriber, html`<code>${profile.subscriber_id}</code>`)}
    ${field(t.fieldLang, profile.lang || none(t))}
    ${field(t.fieldTags, profile.tags.join(", ") || none(t))}
    ${field(t.fieldState, stateValue(t, profile.state))}
  </dl>
  ${logOutForm(t)}
</section>`;
  return layout(lang, { title: name, content });
}

/** A page with one message and one way on, which leads to the start page. */
export function messagePage(
  lang: Lang,
  page: { readonly title: TextName; readonly message: TextName; readonly link: TextName },
): Html {
  const t = textsIn(lang);
  const content = html`<section class="card message stack">
  <h1>${t[page.title]}</h1>
  <p>${t[page.message]}</p>
  <a class="button quiet" href="/demo">${t[page.link]}</a>
</section>`;
  return layout(lang, { title: t[page.title], content });
}

function layout(
  lang: Lang,
  page: { readonly title: string; readonly content: Html; readonly head?: Html | undefined },
): Html {
  const t = textsIn(lang);
  return html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · ${t.siteName}</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="/demo/assets/demo.css">
${page.head}
</head>
<body>
<header class="site"><a href="/demo">${t.siteName}</a><span>${t.tagline}</span></header>
<main>
${page.content}
</main>
</body>
</html>
`;
}

function loginCard(t: Texts, page: StartPage): Html {
  const nothing = !page.links?.telegram_link && !page.links?.max_link;
  const problem = page.problem ?? (nothing ? "notConfigured" : undefined);
  return html`<div class="card login" id="login">
  <section class="stack" id="start">
    <h2>${t.loginTitle}</h2>
    <p>${t.loginLead}</p>
    <p class="problem" id="problem" role="alert">${problem && t[problem]}</p>
    ${page.links?.telegram_link ? loginButton("telegram", plane, t.loginTelegram) : undefined}
    ${page.links?.max_link ? loginButton("max", bubble, t.loginMax) : undefined}
    ${nothing ? undefined : matchBox(t)}
    <noscript><p class="problem">${t.needScript}</p></noscript>
  </section>
  ${panel(t)}
</div>`;
}

function loginButton(channel: string, image: Html, label: string): Html {
  return html`<button type="button" class="button" data-channel="${channel}">
      ${image}${label}</button>`;
}

function matchBox(t: Texts): Html {
  return html`<label class="match-box">
      <input type="checkbox" id="match" autocomplete="off">
      <span>${t.matchLabel}<small>${t.matchHint}</small></span>
    </label>`;
}

/** The data attributes hand the script its sentences. */
function panel(t: Texts): Html {
  return html`<section class="stack panel" id="panel" hidden aria-labelledby="panel-title"
    data-login-telegram="${t.loginTelegram}" data-login-max="${t.loginMax}"
    data-open-telegram="${t.openTelegram}" data-open-max="${t.openMax}"
    data-starting="${t.starting}" data-waiting="${t.waiting}" data-opened="${t.opened}"
    data-opened-match="${t.openedMatch}" data-completed="${t.completed}"
    data-expired="${t.expired}" data-cancelled="${t.cancelled}" data-trouble="${t.trouble}"
    data-failed="${t.failed}" data-qr-local="${t.qrLocal}" data-qr-caption="${t.qrCaption}"
    data-copied="${t.copied}" data-not-copied="${t.notCopied}">
    <h2 id="panel-title" tabindex="-1">${t.loginTelegram}</h2>
    <div class="stack ways" id="ways" hidden>
      <figure>
        <img id="qr" alt="${t.qrAlt}" width="232" height="232">
        <figcaption id="qr-caption">${t.qrCaption}</figcaption>
      </figure>
      <a class="button" id="link" target="_blank" rel="noopener noreferrer">
        <span id="link-label">${t.openTelegram}</span><span class="unseen"> (${t.newTab})</span></a>
      ${typedStart(t)}
      <p class="match-code" id="match-code" hidden>
        ${t.matchTitle} <strong id="match-digits"></strong>
      </p>
    </div>
    <p class="status" id="status" role="status"></p>
    <p class="countdown" id="countdown" hidden>
      ${t.timeLeft} <span id="time-left" role="timer"></span>
    </p>
    <button type="button" class="button quiet" id="cancel" hidden>${t.cancel}</button>
    <button type="button" class="button" id="again" hidden>${t.startAgain}</button>
  </section>`;
}

/**
 * What to type where a link does nothing: MAX tells a bot of a pressed link only when the dialog
 * begins with it (https://dev.max.ru/docs-api/objects/Update).
 */
function typedStart(t: Texts): Html {
  return html`<div class="stack" id="typed-start" hidden>
        <p id="typed-hint">${t.typedStart}</p>
        <code id="typed-text"></code>
        <button type="button" class="button quiet" id="copy" aria-describedby="typed-text">
          ${t.copy}</button>
        <small id="copied" role="status"></small>
      </div>`;
}

function greetingCard(t: Texts, profile: Profile): Html {
  return html`<section class="card login stack">
  <header class="person">${avatar(profile)}<h2>${t.hello}, ${profile.first_name}!</h2></header>
  <p>${t.alreadyIn}.</p>
  <a class="button" href="/demo/profile">${t.openProfile}</a>
  ${logOutForm(t)}
</section>`;
}

function logOutForm(t: Texts): Html {
  return html`<form method="post" action="/demo/logout">
    <button class="button quiet">${t.logOut}</button>
  </form>`;
}

function avatar(profile: Profile): Html {
  const { avatar_url: url } = profile;
  // On a developer's machine Tapin itself has no https, and serves pictures too.
  if (url !== null && /^https:\/\/|^http:\/\/127\.0\.0\.1[:/]/.test(url)) {
    return html`<img class="avatar" src="${url}" alt="" width="64" height="64">`;
  }
  const [initial = ""] = profile.first_name;
  return html`<span class="avatar" aria-hidden="true">${initial.toUpperCase()}</span>`;
}

function none(t: Texts): Html {
  return html`<span class="none">${t.none}</span>`;
}

function stateValue(t: Texts, state: string | null): Html {
  if (state === null) return none(t);
  return html`<code>${state}</code><small>${t.stateHint}</small>`;
}

function field(name: string, value: Html | string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
