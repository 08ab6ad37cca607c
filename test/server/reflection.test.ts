// gRPC server reflection: what `buf curl` and grpc-js, with nothing but the vendored proto files,
// learn of the services.

import {
  createFileRegistry,
  type DescService,
  fromBinary,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { runBuf } from "./buf.ts";
import { type Fields, openReflection, type Reflection } from "./grpc-tools.ts";
import { ask, askHttp2, dropHttp2, jsonOf, openHttp2 } from "./raw-http.ts";

const VERSIONS = ["v1", "v1alpha"] as const;
const PATH = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

const CONTRACT = ["tapin.admin.v1.AdminService", "tapin.auth.v1.AuthService"];
const TOOLS = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];
const SANDBOX = "tapin.sandbox.v1.SandboxService";

function servicesIn(answer: Fields): readonly string[] {
  const { service } = answer.list_services_response as { service: { name: string }[] };
  return service.map(({ name }) => name).sort();
}

function filesIn(answer: Fields): readonly FileDescriptorProto[] {
  const response = answer.file_descriptor_response as { file_descriptor_proto: Buffer[] } | null;
  const files = response?.file_descriptor_proto ?? [];
  return files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

function namesIn(answer: Fields): readonly string[] {
  return filesIn(answer).map(({ name }) => name);
}

/** What a client makes of the files; throws when one that is imported is missing. */
function registryOf([first, ...others]: readonly FileDescriptorProto[]): Registry {
  if (first === undefined) throw new Error("no file");
  return createFileRegistry(first, (name) => others.find((file) => file.name === name));
}

describe.each(RUNTIMES)("reflection on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  describe.each(VERSIONS)("%s", (version) => {
    let stream: Reflection;
    beforeAll(() => {
      stream = openReflection(tapin.url, version);
    });
    afterAll(() => stream.cancel());

    it("list_services names every service, and hands the request back", async () => {
      const answer = await stream.ask({ host: "here", list_services: "*" });
      expect(servicesIn(answer)).toEqual([...TOOLS, ...CONTRACT, SANDBOX]);
      expect(answer).toMatchObject({
        valid_host: "here",
        original_request: { host: "here", list_services: "*" },
      });
    });

    it("file_containing_symbol gives everything that calling needs, as it was compiled", async () => {
      const fresh = openReflection(tapin.url, version);
      const files = filesIn(await fresh.ask({ file_containing_symbol: AuthService.typeName }));
      fresh.cancel();
      expect(files[0]?.name).toBe("tapin/auth/v1/auth.proto");
      const service = registryOf(files).get(AuthService.typeName) as DescService;
      expect(service.methods.map(({ name }) => name)).toEqual(
        AuthService.methods.map(({ name }) => name),
      );
      expect(toBinary(FileDescriptorProtoSchema, service.file.proto)).toEqual(
        toBinary(FileDescriptorProtoSchema, AuthService.file.proto),
      );
    });

    it("each file is sent once on a stream, but for the one that is asked for", async () => {
      const fresh = openReflection(tapin.url, version);
      const first = namesIn(await fresh.ask({ file_by_filename: "tapin/auth/v1/auth.proto" }));
      const again = namesIn(await fresh.ask({ file_by_filename: "tapin/auth/v1/auth.proto" }));
      const other = namesIn(
        await fresh.ask({ file_by_filename: "tapin/sandbox/v1/sandbox.proto" }),
      );
      fresh.cancel();
      expect(first).toContain("google/api/annotations.proto");
      expect(again).toEqual(["tapin/auth/v1/auth.proto"]);
      expect(other).toEqual(["tapin/sandbox/v1/sandbox.proto"]);
    });

    it.each([
      ["file_by_filename", "grpc/health/v1/health.proto", "grpc/health/v1/health.proto"],
      ["file_by_filename", "google/protobuf/descriptor.proto", "google/protobuf/descriptor.proto"],
      ["file_by_filename", "buf/validate/validate.proto", "buf/validate/validate.proto"],
      ["file_containing_symbol", SANDBOX, "tapin/sandbox/v1/sandbox.proto"],
      ["a method", "tapin.auth.v1.AuthService.CreateSession", "tapin/auth/v1/auth.proto"],
      ["a message", "tapin.auth.v1.CreateSessionRequest", "tapin/auth/v1/auth.proto"],
      ["a field", "tapin.auth.v1.CreateSessionRequest.state", "tapin/auth/v1/auth.proto"],
      ["an enum", "tapin.auth.v1.SessionStatus", "tapin/auth/v1/auth.proto"],
      ["a value", "tapin.auth.v1.SESSION_STATUS_PENDING", "tapin/auth/v1/auth.proto"],
      [
        "a nested value",
        "grpc.health.v1.HealthCheckResponse.SERVING",
        "grpc/health/v1/health.proto",
      ],
      ["an extension", "google.api.http", "google/api/annotations.proto"],
      [
        "a nested type",
        "google.protobuf.DescriptorProto.ExtensionRange",
        "google/protobuf/descriptor.proto",
      ],
      ["what errors carry", "google.rpc.ErrorInfo", "google/rpc/error_details.proto"],
      ["the reasons", "tapin.error.v1.ErrorReason", "tapin/error/v1/error.proto"],
    ])("finds %s: %s", async (what, wanted, file) => {
      const by = what === "file_by_filename" ? what : "file_containing_symbol";
      expect(namesIn(await stream.ask({ [by]: wanted }))[0]).toBe(file);
    });

    it("finds extensions by the type they extend, and their numbers", async () => {
      const asked = {
        containing_type: "google.protobuf.MethodOptions",
        extension_number: 72295728,
      };
      const found = await stream.ask({ file_containing_extension: asked });
      expect(namesIn(found)[0]).toBe("google/api/annotations.proto");
      const numbers = async (type: string) =>
        (await stream.ask({ all_extension_numbers_of_type: type })).all_extension_numbers_response;
      expect(await numbers("google.protobuf.MethodOptions")).toEqual({
        base_type_name: "google.protobuf.MethodOptions",
        extension_number: [72295728],
      });
      expect(await numbers("tapin.auth.v1.GetLinkRequest")).toEqual({
        base_type_name: "tapin.auth.v1.GetLinkRequest",
        extension_number: [],
      });
    });

    it.each([
      [{ file_by_filename: "nothing.proto" }, status.NOT_FOUND],
      [{ file_containing_symbol: "tapin.auth.v1.Nothing" }, status.NOT_FOUND],
      [{ file_containing_symbol: "" }, status.NOT_FOUND],
      [{ file_containing_symbol: "__proto__" }, status.NOT_FOUND],
      [
        {
          file_containing_extension: {
            containing_type: "google.protobuf.MethodOptions",
            extension_number: 1,
          },
        },
        status.NOT_FOUND,
      ],
      [
        { file_containing_extension: { containing_type: "a.Nothing", extension_number: 1 } },
        status.NOT_FOUND,
      ],
      [{ all_extension_numbers_of_type: "a.Nothing" }, status.NOT_FOUND],
      [{}, status.INVALID_ARGUMENT],
    ])("%j is answered by an error, and the stream goes on", async (request, code) => {
      const answer = await stream.ask(request);
      expect(answer.message_response).toBe("error_response");
      expect(answer.error_response).toMatchObject({
        error_code: code,
        error_message: expect.stringMatching(/^\S.+\.$/),
      });
      expect(servicesIn(await stream.ask({ list_services: "" }))).toContain(SANDBOX);
    });

    it("the stream ends when the caller has ended it", async () => {
      const fresh = openReflection(tapin.url, version);
      await fresh.ask({ list_services: "" });
      fresh.end();
      expect(await fresh.next()).toBeNull();
      fresh.cancel();
    });

    const reflecting = [
      ...["--reflect", "--reflect-protocol", `grpc-${version}`],
      ...["--protocol", "grpc", "--http2-prior-knowledge"],
    ];

    it("buf curl lists the methods of every service", async () => {
      const { code, out } = await runBuf("curl", ...reflecting, "--list-methods", tapin.url);
      expect(code).toBe(0);
      const services = new Set(
        out
          .trim()
          .split("\n")
          .map((line) => line.split("/")[0]),
      );
      expect([...services]).toEqual([...TOOLS, ...CONTRACT, SANDBOX]);
    });

    it("buf curl calls without a proto file, and shows an error with its details", async () => {
      const rpc = `${tapin.url}/tapin.auth.v1.AuthService/CreateSession`;
      const key = ["-H", `Authorization: Bearer ${tapin.apiKey}`];
      const call = (state: string) =>
        runBuf("curl", ...reflecting, ...key, "-d", JSON.stringify({ state }), rpc);
      const { code, out } = await call("hello");
      expect([code, JSON.parse(out)]).toMatchObject([0, { expiresIn: 300 }]);
      const refused = await call("a b");
      expect(refused.code).toBe(8 * status.INVALID_ARGUMENT);
      expect(JSON.parse(refused.err)).toMatchObject({
        code: "invalid_argument",
        details: [{ type: "google.rpc.ErrorInfo" }, { type: "google.rpc.BadRequest" }],
      });
    });
  });

  it("over HTTP/1.1 it says that it needs HTTP/2, and the connection lives on", async () => {
    const headers = { "content-type": "application/connect+proto" };
    const answer = await ask(tapin.url + PATH, { headers, body: "" });
    expect(answer.status).toBe(501);
    expect(jsonOf(answer)).toMatchObject({
      code: "unimplemented",
      error: "This RPC streams both ways: use HTTP/2.",
    });
  });

  it("is not served over REST", async () => {
    for (const path of ["/v1/reflection", "/v1/health", "/grpc.reflection.v1.ServerReflection"]) {
      expect((await ask(tapin.url + path)).status).toBe(404);
    }
  });

  it.each([
    ["no message", Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]), status.INVALID_ARGUMENT],
    ["half a message", Buffer.from([0, 0, 0, 0, 9, 10]), status.INVALID_ARGUMENT],
    ["too large a message", Buffer.from([0, 1, 0, 0, 0, 10]), status.RESOURCE_EXHAUSTED],
  ])("%s is refused as the caller's fault", async (_, body, code) => {
    const session = await openHttp2(tapin.url);
    const headers = { "content-type": "application/grpc", te: "trailers" };
    const answer = await askHttp2(session, PATH, { headers, body });
    dropHttp2(session);
    expect(answer.headers["grpc-status"]).toBe(String(code));
  });
});

describe.each(RUNTIMES)("reflection within limits on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    // Ten times as many for an address.
    tapin = await startTapin({ runtime, env: { TAPIN_SANDBOX: "off", TAPIN_RATE_LIMIT: "1" } });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it("does not list the sandbox when it is off", async () => {
    const stream = openReflection(tapin.url, "v1");
    expect(servicesIn(await stream.ask({ list_services: "" }))).toEqual([...TOOLS, ...CONTRACT]);
    const missing = await stream.ask({ file_containing_symbol: SANDBOX });
    expect(missing.message_response).toBe("error_response");
    stream.cancel();
  });

  it("every request of a stream counts against the address", async () => {
    const stream = openReflection(tapin.url, "v1");
    const asked = async () => {
      for (;;) await stream.ask({ list_services: "" });
    };
    await expect(asked()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    stream.cancel();
    const other = openReflection(tapin.url, "v1");
    await expect(other.ask({ list_services: "" })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    other.cancel();
  });
});

describe.each(RUNTIMES)("reflection when the server stops, on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });

  it("a stream that waits is told", async () => {
    const stream = openReflection(tapin.url, "v1");
    await stream.ask({ list_services: "" });
    const exited = tapin.end();
    await expect(stream.next()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await exited).toBe(0);
  });
});
