// Annotations that can be served, and those that must stop the start. The services are made here,
// one rule each, because a proto file with a bad rule would not be a good proto file.

import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import { create, createFileRegistry, setExtension } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { file_google_api_annotations, http } from "#gen/google/api/annotations_pb.ts";
import { HttpRuleSchema } from "#gen/google/api/http_pb.ts";
import type { StreamOptions } from "../../src/transcoder/stream-setup.ts";
import { createTranscoder } from "../../src/transcoder/transcoder.ts";
import { file_library_v1_library, LibraryService } from "./gen/library/v1/library_pb.ts";

interface MethodShape {
  readonly rule?: MessageInitShape<typeof HttpRuleSchema>;
  readonly input?: string;
  readonly output?: string;
  readonly clientStreaming?: boolean;
  readonly serverStreaming?: boolean;
}

function serviceOf(...methods: MethodShape[]): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "made.proto",
    package: "made",
    syntax: "proto3",
    dependency: [file_library_v1_library.proto.name, file_google_api_annotations.proto.name],
    service: [{ name: "Made", method: methods.map(methodProto) }],
  });
  const known = [file_library_v1_library, file_google_api_annotations];
  const registry = createFileRegistry(file, (name) =>
    known.find(({ proto }) => proto.name === name),
  );
  const service = registry.getService("made.Made");
  if (service === undefined) throw new Error("no service");
  return service;
}

function methodProto(shape: MethodShape, index: number) {
  const { rule, input = "Everything", output = "Everything", ...streaming } = shape;
  const options = create(MethodOptionsSchema);
  if (rule !== undefined) setExtension(options, http, create(HttpRuleSchema, rule));
  const types = { inputType: `.library.v1.${input}`, outputType: `.library.v1.${output}` };
  return { name: `Do${index}`, options, ...types, ...streaming };
}

function start(services: DescService[], streams: Record<string, StreamOptions> = {}) {
  return createTranscoder({
    services,
    streams,
    invoke: () => Promise.reject(new Error("not called")),
    renderError: () => ({ status: 500, headers: [], body: null }),
  });
}

const get = (path: string) => ({ pattern: { case: "get" as const, value: path } });
const post = (path: string) => ({ pattern: { case: "post" as const, value: path } });
const custom = (kind: string) => ({
  pattern: { case: "custom" as const, value: { kind, path: "/x" } },
});

describe("createTranscoder", () => {
  it.each<[string, MethodShape, string]>([
    ["a template without slash", { rule: get("v1") }, 'must start with "/"'],
    ["a nested variable", { rule: get("/v1/{text={text}}") }, "a variable inside a variable"],
    ["** before the end", { rule: get("/v1/{text=**}/x") }, '"**" must be the last segment'],
    ["an unknown path field", { rule: get("/v1/{foo}") }, '"foo" in the path is not a field'],
    ["an unknown nested field", { rule: get("/v1/{inner.foo}") }, '"inner.foo" in the path is not'],
    [
      "a lowerCamel field",
      { rule: get("/v1/{int32Value}") },
      '"int32Value" in the path is not a field',
    ],
    [
      "a field of a repeated message",
      { rule: get("/v1/{inners.name}") },
      '"inners.name" in the path is not',
    ],
    ["a repeated path field", { rule: get("/v1/{texts}") }, '"texts" is repeated'],
    ["a map path field", { rule: get("/v1/{labels}") }, '"labels" is a map'],
    ["a message path field", { rule: get("/v1/{inner}") }, '"inner" is a message'],
    ["a wrapper path field", { rule: get("/v1/{wrapped_text}") }, '"wrapped_text" is a message'],
    ["a doubled variable", { rule: get("/v1/{text}/{text}") }, '"text" is bound twice'],
    [
      "a nested body",
      { rule: { ...post("/v1"), body: "inner.name" } },
      'body "inner.name" is not a top-level field',
    ],
    [
      "an unknown body",
      { rule: { ...post("/v1"), body: "foo" } },
      'body "foo" is not a top-level field',
    ],
    [
      "an unknown response_body",
      { rule: { ...post("/v1"), responseBody: "foo" } },
      'response_body "foo" is not',
    ],
    [
      "a nested response_body",
      { rule: { ...get("/v1"), responseBody: "inner.name" } },
      'response_body "inner.name"',
    ],
    [
      "a response_body of *",
      { rule: { ...get("/v1"), responseBody: "*" } },
      'response_body "*" is not',
    ],
    [
      "a field in path and body",
      { rule: { ...post("/v1/{text}"), body: "text" } },
      '"text" is bound both',
    ],
    ["a body with GET", { rule: { ...get("/v1"), body: "*" } }, "GET must not have a body"],
    ["no pattern", { rule: { body: "*" } }, "the rule names no HTTP method"],
    ["a method that is no token", { rule: custom("PUR GE") }, '"PUR GE" is not an HTTP method'],
    ["an empty method", { rule: custom("") }, '"" is not an HTTP method'],
    [
      "nested additional bindings",
      {
        rule: {
          ...get("/v1"),
          additionalBindings: [{ ...get("/v2"), additionalBindings: [get("/v3")] }],
        },
      },
      "additional_bindings must not be nested",
    ],
    [
      "a bad additional binding",
      { rule: { ...get("/v1"), additionalBindings: [get("/v2/{foo}")] } },
      '"foo" in the path is not a field',
    ],
    ["a client stream", { rule: get("/v1"), clientStreaming: true }, "a stream of requests"],
    [
      "a bidirectional stream",
      { rule: get("/v1"), clientStreaming: true, serverStreaming: true },
      "a stream of requests",
    ],
    [
      "two equal bindings of one RPC",
      { rule: { ...get("/v1"), additionalBindings: [get("/v1")] } },
      "conflicts with",
    ],
  ])("refuses %s and names the RPC", (_name, shape, reason) => {
    const services = [serviceOf(shape)];
    expect(() => start(services)).toThrow("made.Made/Do0: ");
    expect(() => start(services)).toThrow(reason);
  });

  it("refuses conflicting routes and names both RPCs", () => {
    const service = serviceOf({ rule: get("/v1/{text}") }, { rule: get("/v1/{genre}") });
    expect(() => start([service])).toThrow(
      "made.Made/Do1: GET /v1/{genre} conflicts with /v1/{text} of made.Made/Do0",
    );
  });

  it.each<[string, string, Partial<StreamOptions>, string]>([
    ["an unknown RPC", "made.Made/Nope", {}, "is not a method of the services"],
    ["a unary RPC", "library.v1.LibraryService/GetBook", {}, "is not a server stream"],
    [
      "an unknown id field",
      "library.v1.LibraryService/WatchBook",
      { idField: "foo" },
      '"foo" is not a scalar field',
    ],
    [
      "an id field that is an enum",
      "library.v1.LibraryService/WatchBook",
      { idField: "genre" },
      '"genre" is not a scalar',
    ],
    [
      "an unknown resume field",
      "library.v1.LibraryService/WatchBook",
      { resumeField: "sequence" },
      '"sequence" is not a scalar',
    ],
    [
      "an event name of two lines",
      "library.v1.LibraryService/WatchBook",
      { event: "a\nb" },
      "must be one line",
    ],
    ["a negative retry", "library.v1.LibraryService/WatchBook", { retryMs: -1 }, "retryMs must be"],
  ])("refuses stream options for %s and names the RPC", (_name, rpc, options, reason) => {
    const usual = { event: "status", idField: "sequence", resumeField: "after_sequence" };
    const attempt = () => start([LibraryService], { [rpc]: { ...usual, ...options } });
    expect(attempt).toThrow(`${rpc}: `);
    expect(attempt).toThrow(reason);
  });

  it("serves annotated methods only and lists their routes", () => {
    const { routes } = start([
      serviceOf({}, { rule: { ...get("/v1/{text}"), additionalBindings: [post("/v2")] } }),
    ]);
    expect(routes).toEqual([
      { method: "GET", template: "/v1/{text}", rpc: "made.Made/Do1" },
      { method: "POST", template: "/v2", rpc: "made.Made/Do1" },
    ]);
    expect(start([LibraryService]).routes.some(({ rpc }) => rpc.endsWith("/Hidden"))).toBe(false);
  });
});
