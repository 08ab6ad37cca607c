// The readable page of the document: one file of HTML without a script. Its style is
// src/web/docs.css.

import { type Html, html } from "../../src/sandbox/html.ts";
import type { OpenApiDocument } from "./document.ts";
import { sharedStatusOf } from "./errors.ts";
import type { Schema } from "./json-schema.ts";
import { blocks, inline } from "./markdown.ts";
import { fieldList, parameterList, type Resolve, resolverOf } from "./page-fields.ts";
import { EXAMPLE } from "./scenario.ts";

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E" +
  "%3Crect width='32' height='32' rx='9' fill='%23176b87'/%3E" +
  "%3Cpath d='M9 16.5l5 5 9-11' fill='none' stroke='white' stroke-width='3.5' " +
  "stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

const SCHEME_NAMES: Readonly<Record<string, string>> = {
  apiKey: "API key",
  watchToken: "the session's watch token",
  adminToken: "admin token",
};

interface PageOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Schema;
}

/** The whole page. */
export function renderPage(document: OpenApiDocument): string {
  const resolve = resolverOf(document);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const groups = document.tags.map((tag) => ({
    tag,
    operations: operations.filter(({ operation }) => (operation.tags as string[])[0] === tag.name),
  }));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tapin: the JSON REST contract</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header class="site"><a href="/docs">Tapin</a><span>The JSON REST contract, version ${document.info.version}</span></header>
<div class="columns">
<nav aria-label="Contents">
${groups.map(({ tag, operations: members }) => contents(tag.name, members))}
<p><a href="#errors">Errors</a></p>
<p><a href="/openapi.json">openapi.json</a></p>
</nav>
<main>
<h1>Log people in through a messenger bot</h1>
${blocks(document.info.description)}
${environment()}
${groups.map(({ tag, operations: members }) => section(tag, members, resolve))}
${errorSection(document, resolve)}
</main>
</div>
</body>
</html>
`.text;
}

function contents(name: string, operations: readonly PageOperation[]): Html {
  return html`<p><a href="#${name}">${name}</a></p>
<ul>${operations.map(
    ({ operation }) =>
      html`<li><a href="#${String(operation.operationId)}">${title(operation)}</a></li>`,
  )}</ul>
`;
}

/** `CreateSession`: the name that the other dialects call. */
function title({ operationId }: Schema): string {
  const name = String(operationId);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function environment(): Html {
  const lines = [
    `export TAPIN='${EXAMPLE.publicUrl}'`,
    "export API_KEY=tapin_live_...",
    "export WATCH_TOKEN=tapin_watch_...",
    "export TAPIN_ADMIN_TOKEN=...",
  ];
  return html`<h2>Before you paste</h2>
<p>The commands below take the address and the credentials from the environment:</p>
<pre><code>${lines.join("\n")}</code></pre>
`;
}

function section(
  tag: OpenApiDocument["tags"][number],
  operations: readonly PageOperation[],
  resolve: Resolve,
): Html {
  return html`<section aria-labelledby="${tag.name}">
<h2 id="${tag.name}">${tag.name}</h2>
${blocks(tag.description)}
${operations.map((each) => article(each, resolve))}
</section>
`;
}

function article({ method, path, operation }: PageOperation, resolve: Resolve): Html {
  const { summary, description, parameters, requestBody, responses } = operation;
  const [sample] = operation["x-codeSamples"] as readonly Schema[];
  const id = String(operation.operationId);
  return html`<article class="card" aria-labelledby="${id}">
<h3 id="${id}">${title(operation)}</h3>
<p class="route"><span class="method">${method.toUpperCase()}</span> <code>${path}</code></p>
<p>${inline(`${summary}.`)}</p>
${description === undefined ? undefined : blocks(String(description))}
<p class="callers">Credentials: ${callers(operation)}.</p>
<pre><code>${String(sample?.source)}</code></pre>
${parameterSection(parameters as readonly Schema[], resolve)}
${requestBody === undefined ? undefined : body(requestBody as Schema, resolve)}
${answers(responses as Readonly<Record<string, Schema>>, resolve)}
</article>
`;
}

/** Parameters of its own; those that every call takes are told once, at the top. */
function parameterSection(parameters: readonly Schema[], resolve: Resolve): Html {
  const own = parameters.filter(({ $ref }) => $ref === undefined);
  if (own.length === 0) return html``;
  return html`<h4>Parameters</h4>
${parameterList(own, resolve)}`;
}

function callers({ security }: Schema): string {
  const names = (security as readonly object[]).flatMap(Object.keys);
  return names.map((name) => SCHEME_NAMES[name] ?? name).join(", or ") || "none";
}

function body(requestBody: Schema, resolve: Resolve): Html {
  const content = contentOf(requestBody)["application/json"] ?? {};
  return html`<h4>Body</h4>
${fieldList(content.schema as Schema, resolve, "required")}
${examples("Example bodies", content.examples)}`;
}

function answers(responses: Readonly<Record<string, Schema>>, resolve: Resolve): Html {
  const { 200: good = {}, ...errors } = responses;
  const contents = Object.entries(contentOf(good));
  const schema = contents[0]?.[1].schema as Schema;
  const item = contents[1]?.[1]["x-itemSchema"] as { anyOf: readonly Schema[] } | undefined;
  return html`<h4>Answer</h4>
${item === undefined ? undefined : contents.map(([type, content]) => streamForm(type, content))}
${fieldList(item?.anyOf[0] ?? schema, resolve, "always")}
${contents.map(([type, content]) => examples(`Examples (${type})`, content.examples))}
<h4>Errors</h4>
${errorRows(errors)}
`;
}

/** Rows for what only this call means; what many calls share is told once, at the end. */
function errorRows(errors: Readonly<Record<string, Schema>>): Html {
  const [own, shared] = [false, true].map((isShared) =>
    Object.entries(errors).filter(([, { $ref }]) => ($ref !== undefined) === isShared),
  );
  const statuses = (shared ?? []).map(([status]) => status).join(", ");
  return html`<dl class="errors">${(own ?? []).map(([status, given]) => errorRow(status, given))}</dl>
<p class="callers">And, as <a href="#errors">many calls do</a>: ${statuses}.</p>`;
}

function streamForm(type: string, content: Schema): Html {
  return html`<p><code>${type}</code></p>${blocks(String((content.schema as Schema).description))}`;
}

function errorRow(status: string, response: Schema): Html {
  return html`<div><dt>${status}</dt><dd>${blocks(String(response.description))}${Object.values(
    contentOf(response),
  ).map((content) => examples("Examples", content.examples))}</dd></div>`;
}

function contentOf(holder: Schema): Readonly<Record<string, Schema>> {
  return holder.content as Readonly<Record<string, Schema>>;
}

/** Nothing when there are none. */
function examples(label: string, given: unknown): Html {
  const entries = Object.values((given ?? {}) as Readonly<Record<string, Schema>>);
  if (entries.length === 0) return html``;
  return html`<details><summary>${label}</summary>${entries.map(
    ({ summary, value }) => html`<p>${inline(String(summary))}</p>
<pre><code>${typeof value === "string" ? value : JSON.stringify(value, null, 2)}</code></pre>`,
  )}</details>`;
}

function errorSection(document: OpenApiDocument, resolve: Resolve): Html {
  const schema = document.components.schemas?.Error ?? {};
  return html`<section aria-labelledby="errors">
<h2 id="errors">Errors</h2>
<p>Every error has this body, whatever its status.</p>
<div class="card">${fieldList(schema, resolve, "always")}</div>
<p>These can meet any call that they fit:</p>
<div class="card"><dl class="errors">${Object.entries(document.components.responses ?? {}).map(
    ([name, response]) => errorRow(sharedStatusOf(name), response),
  )}</dl></div>
</section>
`;
}
