// The document by itself: valid OpenAPI 3.1, the routes that are served and no others, and examples
// that fit their schemas.

import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { AdminService } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { SandboxService } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import { createTranscoder } from "../../src/transcoder/transcoder.ts";
import { readPage } from "../docs/pages.ts";
import { OPERATIONS, type Part, resolve, schemaProblems } from "../support/openapi.ts";

const FILES = [
  { name: "openapi.json", services: [AuthService, AdminService] },
  { name: "openapi-sandbox.json", services: [AuthService, AdminService, SandboxService] },
];

const readDocument = (name: string) => JSON.parse(readPage(`gen/${name}`));

describe.each(FILES)("gen/$name", ({ name, services }) => {
  it("is valid OpenAPI 3.1, by the official schema", async () => {
    const validator = new Validator();
    expect(await validator.validate(readDocument(name))).toMatchObject({ valid: true });
    expect(validator.version).toBe("3.1");
    const broken = { ...readDocument(name), paths: { "/x": { get: { responses: [] } } } };
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  it("refers to nothing that is not there", () => {
    const document = readDocument(name);
    const references = readPage(`gen/${name}`).matchAll(/"\$ref": "#\/([^"]+)"/g);
    for (const [, path = ""] of references) {
      const found = path.split("/").reduce((part, key) => part?.[key], document);
      expect(found, path).toBeDefined();
    }
  });

  it("has every route of the transcoder, and nothing else", () => {
    const refuse = () => {
      throw new Error("nobody calls");
    };
    const { routes } = createTranscoder({ services, invoke: refuse, renderError: refuse });
    const documented = Object.entries(readDocument(name).paths as object).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(
      routes.map(({ method, template }) => `${method} ${template}`).sort(),
    );
  });
});

describe.each(OPERATIONS)("$method $path", ({ operation }) => {
  const { requestBody, responses, parameters } = operation as {
    requestBody?: Part;
    responses: Readonly<Record<string, Part>>;
    parameters: readonly Part[];
  };

  it("example bodies are what the schema allows, and break it where the answer says so", () => {
    const content = contentOf(requestBody)["application/json"];
    const schema = content?.schema as Part;
    for (const [name, { value }] of Object.entries((content?.examples ?? {}) as Examples)) {
      // What the server finds out beyond the schema, such as a token that a messenger refuses, may
      // fit it.
      const isRefused = name === "validation_failed";
      if (!isRefused) expect([name, schemaProblems(schema, value)]).toEqual([name, []]);
    }
  });

  it("example values of parameters fit their schemas", () => {
    for (const { name, schema, example, examples = {} } of parameters.map(resolve)) {
      const values = Object.values(examples as Examples).map(({ value }) => value);
      for (const value of [...values, ...(example === undefined ? [] : [example])]) {
        expect([name, schemaProblems(schema as Part, value)]).toEqual([name, []]);
      }
    }
  });

  it("example answers are what the schema of their status allows", () => {
    for (const [status, response] of Object.entries(responses)) {
      const { schema, examples = {} } = contentOf(resolve(response))["application/json"] ?? {};
      for (const [name, { value }] of Object.entries(examples as Examples)) {
        const place = `${status} ${name}`;
        expect([place, schemaProblems(schema as Part, value)]).toEqual([place, []]);
      }
    }
  });
});

type Examples = Readonly<Record<string, { readonly value: unknown }>>;

function contentOf(holder: Part | undefined): Readonly<Record<string, Part>> {
  return (holder?.content ?? {}) as Readonly<Record<string, Part>>;
}
