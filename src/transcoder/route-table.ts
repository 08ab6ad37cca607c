// Finds the route of a raw path: a trie of decoded segments, walked with backtracking, so that a
// route with the wrong method never hides another with the right one. What a route does is not
// known here.

import type { PathTemplate, TemplateVariable } from "./path-template.ts";
import { decodePercent, decodePercentExceptSlash } from "./percent-encoding.ts";
import { TranscodeError } from "./transcode-error.ts";

/** What a route table needs to know of a route. */
export interface Routable {
  /** HTTP method, or `*` for any method that no other route of the path serves. */
  readonly method: string;
  /** The path it serves. */
  readonly template: PathTemplate;
  /** Name for messages about conflicts, such as the RPC's. */
  readonly rpc: string;
}

/** All routes a path leads to, over all methods. */
export interface PathMatch<R> {
  /**
   * The route for a method, most specific path first; HEAD is served from GET. Undefined: a 405.
   */
  find(method: string): { readonly route: R; readonly captures: readonly string[] } | undefined;
  /** The methods this path has, for the `allow` header (RFC 9110 section 10.2.1). */
  readonly allow: readonly string[];
}

interface TrieNode<R> {
  readonly literals: Map<string, TrieNode<R>>;
  one: TrieNode<R> | undefined;
  rest: TrieNode<R> | undefined;
  /** Routes that end here, by verb ("" = none) and method. */
  readonly routes: Map<string, Map<string, R>>;
}

/** The segments of a path. */
interface Segments {
  readonly raw: readonly string[];
  /** Undefined where a segment is not percent-encoded UTF-8. */
  readonly decoded: readonly (string | undefined)[];
}

interface Candidate<R> {
  readonly routes: ReadonlyMap<string, R>;
  readonly segments: Segments;
}

const methodOrder = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/**
 * Routes by path and method. A literal segment comes before `*`, and `*` before `**`. Paths are
 * split on `/` while raw and each segment is decoded once; an empty segment (`//`, trailing `/`)
 * matches nothing. A `:verb` is split off only where a route registers it, so other colons are
 * data.
 */
export class RouteTable<R extends Routable> {
  readonly #root: TrieNode<R> = emptyNode();

  /** Adds a route. Throws an Error naming both RPCs when the method and shape are already taken. */
  add(route: R): void {
    let node = this.#root;
    for (const segment of route.template.segments) {
      if (segment.kind === "one") node = node.one ??= emptyNode();
      else if (segment.kind === "rest") node = node.rest ??= emptyNode();
      else node = childOf(node, segment.text);
    }
    const verb = route.template.verb ?? "";
    const methods = node.routes.get(verb) ?? new Map<string, R>();
    const taken = methods.get(route.method);
    if (taken !== undefined) {
      const shown = `${route.method} ${route.template.text}`;
      throw new Error(
        `${route.rpc}: ${shown} conflicts with ${taken.template.text} of ${taken.rpc}`,
      );
    }
    node.routes.set(verb, methods.set(route.method, route));
  }

  /** The routes of a raw path; null when no route has that path, whatever the method. */
  match(path: string): PathMatch<R> | null {
    if (!path.startsWith("/")) return null;
    const segments = path.slice(1).split("/");
    if (segments.includes("")) return null;
    const candidates: Candidate<R>[] = [];
    const last = segments.at(-1) ?? "";
    const colon = last.lastIndexOf(":");
    const verb = colon > 0 ? decodePercent(last.slice(colon + 1)) : undefined;
    if (verb !== undefined && verb !== "") {
      collect(this.#root, [...segments.slice(0, -1), last.slice(0, colon)], verb, candidates);
    }
    collect(this.#root, segments, "", candidates);
    if (candidates.length === 0) return null;
    return new Candidates(candidates);
  }
}

// A class, since an accessor in an object literal makes each object a type of its own, which the
// runtime keeps for long.
class Candidates<R extends Routable> implements PathMatch<R> {
  readonly #candidates: readonly Candidate<R>[];

  constructor(candidates: readonly Candidate<R>[]) {
    this.#candidates = candidates;
  }

  find(method: string) {
    return findRoute(this.#candidates, method);
  }

  get allow(): readonly string[] {
    return allowedMethods(this.#candidates);
  }
}

function emptyNode<R>(): TrieNode<R> {
  return { literals: new Map(), one: undefined, rest: undefined, routes: new Map() };
}

function childOf<R>(node: TrieNode<R>, text: string): TrieNode<R> {
  let child = node.literals.get(text);
  if (child === undefined) {
    child = emptyNode();
    node.literals.set(text, child);
  }
  return child;
}

// A node is reached over one path of the trie only, so the walk is bounded by the number of routes.
function collect<R>(
  root: TrieNode<R>,
  raw: readonly string[],
  verb: string,
  candidates: Candidate<R>[],
): void {
  const decoded = raw.map(decodePercent);
  const segments = { raw, decoded };
  const end = (node: TrieNode<R> | undefined): void => {
    const routes = node?.routes.get(verb);
    if (routes !== undefined) candidates.push({ routes, segments });
  };
  const visit = (node: TrieNode<R> | undefined, depth: number): void => {
    if (node === undefined) return;
    if (depth === raw.length) end(node);
    else {
      const text = decoded[depth];
      if (text !== undefined) visit(node.literals.get(text), depth + 1);
      visit(node.one, depth + 1);
    }
    end(node.rest);
  };
  visit(root, 0);
}

function findRoute<R extends Routable>(
  candidates: readonly Candidate<R>[],
  method: string,
): { route: R; captures: string[] } | undefined {
  for (const { routes, segments } of candidates) {
    const fromGet = method === "HEAD" ? routes.get("GET") : undefined;
    // OPTIONS asks about the path itself, so a route for any method does not take it.
    const any = method === "OPTIONS" ? undefined : routes.get("*");
    const route = routes.get(method) ?? fromGet ?? any;
    if (route !== undefined) return { route, captures: captureAll(route.template, segments) };
  }
  return undefined;
}

function captureAll(template: PathTemplate, segments: Segments): string[] {
  if (segments.decoded.includes(undefined)) {
    throw new TranscodeError("invalid_request", "The path is not percent-encoded UTF-8.");
  }
  return template.variables.map((variable) => capture(template, variable, segments));
}

function capture(
  template: PathTemplate,
  { start, end, multi }: TemplateVariable,
  { raw, decoded }: Segments,
): string {
  if (!multi) return decoded[start] ?? "";
  const toEnd = template.segments[end - 1]?.kind === "rest";
  const covered = raw.slice(start, toEnd ? undefined : end);
  return covered.map((segment) => decodePercentExceptSlash(segment) ?? "").join("/");
}

function allowedMethods<R>(candidates: readonly Candidate<R>[]): string[] {
  const methods = new Set(candidates.flatMap(({ routes }) => [...routes.keys()]));
  if (methods.delete("*")) for (const method of methodOrder) methods.add(method);
  if (methods.has("GET")) methods.add("HEAD");
  methods.delete("OPTIONS");
  const known = methodOrder.filter((method) => methods.has(method));
  const custom = [...methods].filter((method) => !methodOrder.includes(method));
  return [...known, ...custom.sort(), "OPTIONS"];
}
