// The OpenAPI document (version 3.1.1) of some of Tapin's services: made from the descriptors with
// their comments, from the operations as the server serves them, and from the examples.

import { readFileSync } from "node:fs";
import type { DescService, FileRegistry } from "@bufbuild/protobuf";
import type { Ports } from "../../src/core/ports.ts";
import { ERRORS } from "../../src/errors.ts";
import { adminOperations } from "../../src/server/admin-service.ts";
import { authOperations } from "../../src/server/auth-service.ts";
import type { Limits } from "../../src/server/limit.ts";
import type { Operation } from "../../src/server/operation.ts";
import { type SandboxPort, sandboxOperations } from "../../src/server/sandbox-service.ts";
import { readHttpBindings, rpcName } from "../../src/transcoder/http-rule.ts";
import { ADMIN_SCENARIOS } from "./admin-scenarios.ts";
import { AUTH_SCENARIOS } from "./auth-scenarios.ts";
import { envelopeSchema, RESPONSE_HEADERS, type ReasonTexts, sharedResponses } from "./errors.ts";
import { SHARED_PARAMETERS } from "./header-parameters.ts";
import { descriptionOf, readImage, saysNull, serviceOf } from "./image.ts";
import type { Schema } from "./json-schema.ts";
import { operationIdOf, operationObject } from "./operation.ts";
import { SANDBOX_SCENARIOS } from "./sandbox-scenarios.ts";
import { EXAMPLE, type Scenarios } from "./scenario.ts";
import { Schemas } from "./schema.ts";

/** What is always served. */
export const SERVICES = ["tapin.auth.v1.AuthService", "tapin.admin.v1.AdminService"];

/** What is served while the sandbox is on. */
export const SANDBOX_SERVICES = [...SERVICES, "tapin.sandbox.v1.SandboxService"];

const SCENARIOS: Scenarios = { ...AUTH_SCENARIOS, ...ADMIN_SCENARIOS, ...SANDBOX_SCENARIOS };

/** A document, as far as others here read it. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
}

/** The document of these services. Throws when something about them could not be told truly. */
export function buildDocument(typeNames: readonly string[], image = readImage()): OpenApiDocument {
  const schemas = new Schemas({ describe: (desc) => descriptionOf(desc, image), saysNull });
  const reasons = reasonTexts(image);
  schemas.keep("Error", "error", () => envelopeSchema(reasons));
  const services = typeNames.map((name) => serviceOf(image, name));
  const paths: Record<string, Record<string, Schema>> = {};
  for (const binding of services.flatMap((service) => service.methods.flatMap(readHttpBindings))) {
    const scenarios = SCENARIOS[operationIdOf(binding)];
    const access = ACCESS.get(binding.rpc);
    if (scenarios === undefined) throw new Error(`${binding.rpc} has no examples`);
    if (access === undefined) throw new Error(`${binding.rpc} has no operation`);
    const operation = operationObject({ image, schemas, reasons }, { binding, access, scenarios });
    paths[binding.template.text] ??= {};
    Object.assign(paths[binding.template.text] ?? {}, {
      [binding.method.toLowerCase()]: operation,
    });
  }
  return Object.assign(head(services, image), {
    paths,
    components: {
      schemas: schemas.components,
      parameters: SHARED_PARAMETERS,
      headers: RESPONSE_HEADERS,
      responses: sharedResponses(reasons),
      securitySchemes: SECURITY_SCHEMES,
    },
  });
}

// Only who may call is read of them: nothing is ever run.
const ACCESS: ReadonlyMap<string, Operation["access"]> = new Map(
  [
    ...authOperations({} as Ports, {} as Limits),
    ...adminOperations({} as Ports),
    ...sandboxOperations({} as SandboxPort),
  ].map(({ method, access }) => [rpcName(method), access]),
);

const SECURITY_SCHEMES: Readonly<Record<string, Schema>> = {
  apiKey: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "tapin_live_ and 32 characters",
    description: "The API key of a project. It belongs on your server, never into a page.",
  },
  watchToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "tapin_watch_ and 32 characters",
    description:
      "The watch token of a session, from CreateSession: for the browser that started it, and for this session only.",
  },
  adminToken: {
    type: "http",
    scheme: "bearer",
    description: "The operator's token: the setting `TAPIN_ADMIN_TOKEN`.",
  },
};

const DESCRIPTION = `Lets any website log people in through a messenger bot. This is the JSON REST form; the same contract is on the same port as gRPC, gRPC-Web and Connect.

- **Credentials** travel only as \`Authorization: Bearer ...\`, never in a URL.
- **Bodies** are JSON in UTF-8. Unknown fields, in the body or in the query, are refused with \`validation_failed\`. New fields may appear in answers at any time: skip those you do not know.
- **null** is a value that is not there; a list without items is \`[]\`. A field that is not required may be absent.
- **Errors** have one form, whatever the status: switch on \`code\`. A path that is not in this document answers \`not_found\` (404); a method it does not take, \`method_not_allowed\` (405, with \`Allow\`).
- **HEAD** answers like GET, without a body, and delivers nothing: no code is used up by it.
- **Answers** are never to be cached, and each has an \`X-Request-Id\`, which leads to the log. Send your own in a header of that name, 1-64 characters of \`A-Za-z0-9._-\`, to know it before.`;

function head(services: readonly DescService[], image: FileRegistry) {
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return {
    openapi: "3.1.1",
    info: {
      title: "Tapin",
      version: String(version),
      summary: "Log people in through a messenger bot.",
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: EXAMPLE.publicUrl }],
    tags: services.map((service) => ({
      name: service.name,
      description: descriptionOf(service, image),
    })),
  };
}

/** Reason -> what the proto enum says of it. */
function reasonTexts(image: FileRegistry): ReasonTexts {
  const desc = image.getEnum("tapin.error.v1.ErrorReason");
  if (desc === undefined) throw new Error("there is no enum of reasons");
  const names = Object.keys(ERRORS).map((name) => name.toLowerCase());
  const texts = desc.values.map((value) => {
    const name = value.name.slice(desc.sharedPrefix?.length ?? 0).toLowerCase();
    return [name, descriptionOf(value, image).replace(/ HTTP \d{3}\.$/, "")] as const;
  });
  return new Map(texts.filter(([name]) => names.includes(name)));
}
