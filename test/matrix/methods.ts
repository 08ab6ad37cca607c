// Every RPC of the proto files, and calls to them as their recipes say.

import { readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { create, type DescMethod, type DescService, type Message } from "@bufbuild/protobuf";
import type { DialectName } from "../support/contract-client.ts";
import type { Outcome } from "./outcome.ts";
import { type Fields, type Prepared, RECIPES, type Recipe } from "./recipes.ts";
import { type Ask, SPEAK } from "./speak.ts";
import type { World } from "./world.ts";

/** Every RPC of the proto files of Tapin, by its name. */
export const METHODS: ReadonlyMap<string, DescMethod> = new Map(
  (await findServices())
    .flatMap(({ methods }) => methods)
    .map((method) => [`${method.parent.typeName}/${method.name}`, method]),
);

/** For `it.each`. */
export const METHOD_ROWS = [...METHODS] as readonly (readonly [string, DescMethod])[];

async function findServices(): Promise<readonly DescService[]> {
  const root = fileURLToPath(new URL("../../gen/tapin/", import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const modules = await Promise.all(
    files
      .filter((name) => name.endsWith("_pb.ts"))
      .map(async (name) => (await import(pathToFileURL(root + name).href)) as object),
  );
  const isService = (value: unknown): value is DescService =>
    typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
  return modules.flatMap((module) => Object.values(module).filter(isService));
}

/** The recipe of an RPC. Throws a sentence that says what to write where. */
export function recipeOf(method: DescMethod): Recipe {
  const name = `${method.parent.typeName}/${method.name}`;
  const recipe = RECIPES[name];
  if (recipe !== undefined) return recipe;
  throw new Error(
    `The matrix does not know ${name}: add it to RECIPES in test/matrix/recipes.ts, with the credentials it takes and a request that is answered.`,
  );
}

/** Makes the message of a request. Wrapper fields may be given as plain values. */
export function messageOf(method: DescMethod, fields: Fields): Message {
  return create(method.input, fields as never);
}

/** The credentials a recipe asks for. */
export function bearerFor({ takes }: Recipe, { apiKey, stage }: World): string | null {
  if (takes === "nothing") return null;
  return takes === "admin" ? stage.tapin.adminToken : apiKey;
}

/** Calls an RPC with what was prepared, with its own credentials unless told otherwise. */
export function call(
  world: World,
  { dialect, method }: { readonly dialect: DialectName; readonly method: DescMethod },
  { request, headers }: Prepared,
  more: Partial<Ask> = {},
): Promise<Outcome> {
  return SPEAK[dialect](world.stage.url, {
    method,
    request: messageOf(method, request),
    bearer: bearerFor(recipeOf(method), world),
    ...more,
    headers: { ...headers, ...more.headers },
  });
}
