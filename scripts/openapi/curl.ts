// An example as a command that can be pasted into a shell.

import type { HttpBinding } from "../../src/transcoder/http-rule.ts";
import type { Schema } from "./json-schema.ts";
import type { Credentials, Scenario } from "./scenario.ts";

const VARIABLES: Readonly<Record<Credentials, string | null>> = {
  apiKey: "$API_KEY",
  watchToken: "$WATCH_TOKEN",
  adminToken: "$TAPIN_ADMIN_TOKEN",
  none: null,
};

/** The command. Credentials and the address come from the environment. */
export function curlOf(
  { method, template }: HttpBinding,
  parameters: readonly Schema[],
  { parameters: values = {}, credentials, body, mediaType }: Scenario,
): string {
  const given = (place: string) =>
    parameters
      .filter(({ name, in: where }) => where === place && String(name) in values)
      .map(({ name }) => [String(name), String(values[String(name)])] as const);
  const path = given("path").reduce(
    (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)),
    template.text,
  );
  const query = new URLSearchParams(
    given("query").map(([name, value]) => [name, value]),
  ).toString();
  const variable = VARIABLES[credentials];
  const isPlain = method === "GET" || (method === "POST" && body !== undefined);
  const words = [
    mediaType === undefined ? "curl -s" : "curl -sN",
    ...(isPlain ? [] : [`-X ${method}`]),
    `"$TAPIN${path}${query && `?${query}`}"`,
  ];
  const options = [
    ...(variable === null ? [] : [`-H "Authorization: Bearer ${variable}"`]),
    ...(mediaType === undefined ? [] : [`-H 'Accept: ${mediaType}'`]),
    ...given("header").map(([name, value]) => `-H '${name}: ${value}'`),
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${quoted(body)}'`]),
  ];
  return [words.join(" "), ...options].join(" \\\n  ");
}

function quoted(body: object): string {
  return JSON.stringify(body).replaceAll("'", "'\\''");
}
