// Finding routes: precedence, backtracking over methods, verbs, decoding, and what `allow` says.

import { describe, expect, it } from "vitest";
import { parsePathTemplate } from "../../src/transcoder/path-template.ts";
import { type Routable, RouteTable } from "../../src/transcoder/route-table.ts";
import { TranscodeError } from "../../src/transcoder/transcode-error.ts";

function tableOf(...routes: string[]): RouteTable<Routable> {
  const table = new RouteTable<Routable>();
  for (const route of routes) {
    const [method = "", text = ""] = route.split(" ");
    table.add({ method, template: parsePathTemplate(text), rpc: `rpc of ${route}` });
  }
  return table;
}

/** `<template> <captures>` of the route found, "405 <allow>", or null. */
function find(table: RouteTable<Routable>, method: string, path: string): string | null {
  const match = table.match(path);
  if (match === null) return null;
  const found = match.find(method);
  if (found === undefined) return `405 ${match.allow.join(",")}`;
  return [found.route.template.text, ...found.captures].join(" ");
}

describe("RouteTable.match", () => {
  const table = tableOf(
    "GET /v1/books/mine",
    "GET /v1/books/{id}",
    "DELETE /v1/books/{id}",
    "POST /v1/books",
    "POST /v1/books/{id}:lend",
    "POST /v1/books:import",
    "GET /v1/{name=shelves/*/books/*}",
    "GET /v1/files/{path=**}",
    "GET /v1/files/readme",
    "POST /v1/files/{path=**}:export",
    "PUT /v1/files/*/meta",
    "GET /v1/a%20b/caf%C3%A9",
    "GET /v1/{any}/deep/end",
    "GET /v1/x/deep/{end}",
    "POST /v1/x/deep/{end}",
    "* /v1/any",
    "HEAD /v1/own-head",
    "GET /v1/own-head",
    "PURGE /v1/cache",
    "OPTIONS /v1/options",
  );

  it.each<[string, string, string | null]>([
    // Precedence and backtracking
    ["GET", "/v1/books/mine", "/v1/books/mine"],
    ["GET", "/v1/books/7", "/v1/books/{id} 7"],
    ["DELETE", "/v1/books/mine", "/v1/books/{id} mine"],
    ["GET", "/v1/x/deep/end", "/v1/x/deep/{end} end"],
    ["GET", "/v1/y/deep/end", "/v1/{any}/deep/end y"],
    ["GET", "/v1/files/readme", "/v1/files/readme"],
    ["GET", "/v1/files/x/meta", "/v1/files/{path=**} x/meta"],
    ["PUT", "/v1/files/x/meta", "/v1/files/*/meta"],
    // ** is zero or more
    ["GET", "/v1/files", "/v1/files/{path=**} "],
    ["GET", "/v1/files/a/b/c", "/v1/files/{path=**} a/b/c"],
    ["GET", "/v1/shelves/1/books/2", "/v1/{name=shelves/*/books/*} shelves/1/books/2"],
    // Empty segments never collapse
    ["GET", "/v1/books/", null],
    ["GET", "/v1//books/7", null],
    ["GET", "/v1/files/", null],
    ["GET", "/v1/files/a//b", null],
    ["GET", "//v1/books/7", null],
    ["GET", "/", null],
    ["GET", "", null],
    ["OPTIONS", "*", null],
    ["GET", "/v1", null],
    ["GET", "/V1/books/7", null],
    // Dots are data
    ["GET", "/v1/books/..", "/v1/books/{id} .."],
    ["GET", "/v1/books/%2e%2E", "/v1/books/{id} .."],
    // Decoding: once, everything for one segment, all but %2F for several
    ["GET", "/v1/books/a%2Fb", "/v1/books/{id} a/b"],
    ["GET", "/v1/books/%2525", "/v1/books/{id} %25"],
    ["GET", "/v1/books/%41+%2B", "/v1/books/{id} A++"],
    ["GET", "/v1/books/%E2%82%AC", "/v1/books/{id} €"],
    ["GET", "/v1/files/a%2Fb/%41%2fc%25", "/v1/files/{path=**} a%2Fb/A%2fc%"],
    ["GET", "/v1/shelves/a%2Fb/books/%7E", "/v1/{name=shelves/*/books/*} shelves/a%2Fb/books/~"],
    ["GET", "/v1/%62ooks/m%69ne", "/v1/books/mine"],
    ["GET", "/v1/a%20b/caf%c3%a9", "/v1/a%20b/caf%C3%A9"],
    // Verbs: only where registered, only with a raw colon
    ["POST", "/v1/books/7:lend", "/v1/books/{id}:lend 7"],
    ["POST", "/v1/books/7:%6Cend", "/v1/books/{id}:lend 7"],
    ["POST", "/v1/books/a:b:lend", "/v1/books/{id}:lend a:b"],
    ["POST", "/v1/books/7%3Alend", "405 GET,HEAD,DELETE,OPTIONS"],
    ["GET", "/v1/books/7%3Alend", "/v1/books/{id} 7:lend"],
    ["GET", "/v1/books/7:lend", "/v1/books/{id} 7:lend"],
    ["GET", "/v1/books/urn:isbn:1", "/v1/books/{id} urn:isbn:1"],
    ["GET", "/v1/books/:lend", "/v1/books/{id} :lend"],
    ["POST", "/v1/books/:lend", "405 GET,HEAD,DELETE,OPTIONS"],
    ["GET", "/v1/books/7:", "/v1/books/{id} 7:"],
    ["POST", "/v1/books:import", "/v1/books:import"],
    ["POST", "/v1/books:lend", null],
    ["POST", "/v1/files/a/b:export", "/v1/files/{path=**}:export a/b"],
    ["POST", "/v1/files:export", "/v1/files/{path=**}:export "],
    // Methods
    ["PUT", "/v1/books/mine", "405 GET,HEAD,DELETE,OPTIONS"],
    ["GET", "/v1/books", "405 POST,OPTIONS"],
    ["HEAD", "/v1/books", "405 POST,OPTIONS"],
    ["HEAD", "/v1/books/mine", "/v1/books/mine"],
    ["TRACE", "/v1/any", "/v1/any"],
    ["HEAD", "/v1/any", "/v1/any"],
    ["OPTIONS", "/v1/any", "405 GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"],
    ["PURGE", "/v1/cache", "/v1/cache"],
    ["purge", "/v1/cache", "405 PURGE,OPTIONS"],
    ["OPTIONS", "/v1/options", "/v1/options"],
    ["GET", "/v1/options", "405 OPTIONS"],
  ])("%s %s -> %s", (method, path, expected) => {
    expect(find(table, method, path)).toBe(expected);
  });

  it("serves HEAD from a route of its own before GET", () => {
    expect(table.match("/v1/own-head")?.find("HEAD")?.route.method).toBe("HEAD");
  });

  it.each([
    "/v1/books/%",
    "/v1/books/%4",
    "/v1/books/%zz",
    "/v1/books/%ff",
    "/v1/books/%C0%AF",
    "/v1/books/%ED%A0%80",
    "/v1/books/é",
    "/v1/books/a b",
    "/v1/books/a\u0000",
    "/v1/files/a/%zz",
    "/v1/files/%zz/meta",
  ])("refuses %s, which is not percent-encoded UTF-8", (path) => {
    expect(() => table.match(path)?.find("GET")).toThrow(TranscodeError);
  });

  it("leaves a malformed path that is nobody's to the caller", () => {
    expect(table.match("/assets/%zz")).toBeNull();
  });

  it("walks many segments without blowing up", () => {
    const wide = tableOf("GET /{a}/{b}/{c}/end", "GET /a/{b}/{c}/end", "GET /a/a/{c}/end");
    expect(wide.match(`/${"a/".repeat(50_000)}end`)).toBeNull();
    expect(find(wide, "GET", "/a/a/a/end")).toBe("/a/a/{c}/end a");
  });
});

describe("RouteTable.add", () => {
  it.each([
    ["GET /v1/{a}", "GET /v1/{b}"],
    ["GET /v1/{a}", "GET /v1/*"],
    ["GET /v1/{a=x/*}", "GET /v1/x/{b}"],
    ["GET /v1/a%62", "GET /v1/ab"],
    ["GET /v1/**", "GET /v1/{a=**}"],
    ["POST /v1/{a}:go", "POST /v1/{b}:go"],
    ["* /v1/x", "* /v1/x"],
  ])("refuses %s beside %s and names both RPCs", (first, second) => {
    expect(() => tableOf(first, second)).toThrow(`rpc of ${second}`);
    expect(() => tableOf(first, second)).toThrow(`rpc of ${first}`);
  });

  it("takes equal shapes with another method or verb", () => {
    const routes = ["GET /v1/{a}", "POST /v1/{b}", "POST /v1/{b}:go", "* /v1/{c}"];
    expect(() => tableOf(...routes)).not.toThrow();
  });
});
