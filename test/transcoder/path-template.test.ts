// The grammar of path templates: what parses to what, and what is refused with which words.

import { describe, expect, it } from "vitest";
import { parsePathTemplate } from "../../src/transcoder/path-template.ts";

/** A template back as text, with its variables by the segments they cover. */
function shape(text: string): string {
  const { segments, variables, verb } = parsePathTemplate(text);
  const path = segments.map((segment) =>
    segment.kind === "literal" ? segment.text : segment.kind === "one" ? "*" : "**",
  );
  const bound = variables.map(
    ({ field, start, end, multi }) => `${field}=${start}-${end}${multi ? "+" : ""}`,
  );
  return [path.join("/"), ...bound, ...(verb === undefined ? [] : [`:${verb}`])].join(" ");
}

describe("parsePathTemplate", () => {
  it.each([
    ["/v1", "v1"],
    ["/v1/books", "v1/books"],
    ["/v1/*/books", "v1/*/books"],
    ["/v1/**", "v1/**"],
    ["/**", "**"],
    ["/v1/{id}", "v1/* id=1-2"],
    ["/v1/{id=*}", "v1/* id=1-2"],
    ["/v1/{a.b.c}/x", "v1/*/x a.b.c=1-2"],
    ["/v1/{name=shelves/*}", "v1/shelves/* name=1-3+"],
    [
      "/v1/{name=shelves/*/books/*}/pages/{page}",
      "v1/shelves/*/books/*/pages/* name=1-5+ page=6-7",
    ],
    ["/v1/{name=shelves/**}", "v1/shelves/** name=1-3+"],
    ["/v1/{name=**}", "v1/** name=1-2+"],
    ["/v1/{kind=books}", "v1/books kind=1-2"],
    ["/v1/{id}:lend", "v1/* id=1-2 :lend"],
    ["/v1/{name=shelves/*}:lend", "v1/shelves/* name=1-3+ :lend"],
    ["/v1/**:lend", "v1/** :lend"],
    ["/v1/books:lend", "v1/books :lend"],
    ["/v1/a%20b", "v1/a b"],
    ["/v1/caf%C3%A9", "v1/café"],
    ["/v1/café", "v1/café"],
    ["/v1/a%3Ab", "v1/a:b"],
    ["/v1/a%2Fb", "v1/a/b"],
    ["/v1/-._~!$&'()+,;=@", "v1/-._~!$&'()+,;=@"],
  ])("reads %s", (text, expected) => {
    expect(shape(text)).toBe(expected);
  });

  it.each([
    ["", 'must start with "/"'],
    ["v1", 'must start with "/"'],
    ["/", "empty segment"],
    ["/v1/", "empty segment"],
    ["//v1", "empty segment"],
    ["/v1//x", "empty segment"],
    ["/v1:", "empty segment or verb"],
    ["/v1/:lend", "empty segment"],
    ["/v1/**/x", '"**" must be the last segment'],
    ["/v1/**/**", '"**" must be the last segment'],
    ["/v1/{a=**}/{b}", '"**" must be the last segment'],
    ["/v1/{a=x/**/y}", '"**" must be the last segment'],
    ["/v1/{a={b}}", "a variable inside a variable"],
    ["/v1/{a=x/{b}}", "a variable inside a variable"],
    ["/v1/{a}/{a}", '"a" is bound twice'],
    ["/v1/{a.b}/{a.b=x/*}", '"a.b" is bound twice'],
    ["/v1/{a", "unmatched brace"],
    ["/v1/a}", "unmatched brace"],
    ["/v1/{a}x", "must be a whole segment"],
    ["/v1/x{a}", "is not a literal"],
    ["/v1/{a}{b}", "is not a field path"],
    ["/v1/{}", "is not a field path"],
    ["/v1/{=*}", "is not a field path"],
    ["/v1/{a.}", "is not a field path"],
    ["/v1/{1a}", "is not a field path"],
    ["/v1/{a=}", "empty segment"],
    ["/v1/{a=x//y}", "empty segment"],
    ["/v1/a*", "is not a literal"],
    ["/v1/***", "is not a literal"],
    ["/v1/a b", "is not a literal"],
    ["/v1/a?b", "is not a literal"],
    ["/v1/%zz", "is not a literal"],
    ["/v1/%ff", "is not percent-encoded UTF-8"],
    ["/v1/a:b/c", "is not a literal"],
    ["/v1/x:a:b", "is not a literal"],
    ["/v1/x:*", "is not a literal"],
  ])("refuses %s", (text, reason) => {
    expect(() => parsePathTemplate(text)).toThrow(reason);
  });
});
