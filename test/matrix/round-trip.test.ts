// Any request of any RPC arrives over REST as it was meant, and any answer is read back as it was:
// random messages made from the descriptors, written by rest-form.ts and read by the transcoder,
// which share no code.

import { type DescMethod, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTranscoder } from "../../src/transcoder/transcoder.ts";
import { chunksOf, sourceOf } from "../transcoder/live.ts";
import { messageJson } from "./message-json.ts";
import { METHOD_ROWS } from "./methods.ts";
import { messageFromRest, restFormOf, templateOf } from "./rest-form.ts";

type Fields = Record<string, unknown>;

/** Fields that the path carries: they are there, and are not empty. */
function pathFieldsOf(method: DescMethod): readonly string[] {
  const names = new Set([...templateOf(method).matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name));
  return method.input.fields.filter(({ name }) => names.has(name)).map(({ jsonName }) => jsonName);
}

function requestsOf(method: DescMethod): fc.Arbitrary<Message> {
  const required = pathFieldsOf(method);
  return messageJson(method.input, required)
    .filter((json) => required.every((name) => (json as Fields)[name] !== ""))
    .map((json) => fromJson(method.input, json));
}

/** What the transcoder makes of the REST form of a request, and its answer's text. */
async function throughRest(method: DescMethod, request: Message, answer: Message) {
  let arrived: Message | undefined;
  const transcoder = createTranscoder<null>({
    services: [method.parent],
    invoke(_, message) {
      arrived = message;
      if (method.methodKind === "unary") return Promise.resolve(answer);
      return sourceOf(
        (async function* () {
          yield answer;
        })(),
      );
    },
    renderError: (error) => ({ status: 500, headers: [], body: String(error) }),
  });
  const { verb, path, query, body } = restFormOf(method, request);
  const isUnary = method.methodKind === "unary";
  const headers = new Headers({ accept: isUnary ? "application/json" : "application/x-ndjson" });
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await transcoder.handle(
    {
      method: verb,
      path,
      query: String(query),
      headers,
      body: async () => new TextEncoder().encode(body === undefined ? "" : JSON.stringify(body)),
    },
    null,
  );
  const chunks: Uint8Array[] = [];
  const answerBody = response?.body ?? null;
  if (typeof answerBody === "string") chunks.push(Buffer.from(answerBody));
  else if (answerBody !== null) for await (const chunk of chunksOf(answerBody)) chunks.push(chunk);
  const answered = Buffer.concat(chunks).toString();
  return { status: response?.status, arrived, answered };
}

describe("any message", () => {
  it.each(METHOD_ROWS)(
    "%s: arrives over REST as it was sent, and is answered so",
    async (_, method) => {
      const answers = messageJson(method.output).map((json) => fromJson(method.output, json));
      await fc.assert(
        fc.asyncProperty(requestsOf(method), answers, async (request, answer) => {
          const { status, arrived, answered } = await throughRest(method, request, answer);
          expect(status, answered).toBe(200);
          if (arrived !== undefined && "updateMask" in arrived) arrived.updateMask = undefined;
          expect(arrived && toJson(method.input, arrived)).toEqual(toJson(method.input, request));
          const read = messageFromRest(method, JSON.parse(answered.split("\n")[0] ?? ""));
          expect(toJson(method.output, read)).toEqual(toJson(method.output, answer));
        }),
        { numRuns: 60 },
      );
    },
  );
});
