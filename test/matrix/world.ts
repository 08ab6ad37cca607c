// What the matrix plays on: a running Tapin with a project, and bots nobody uses yet.

import { randomBytes } from "node:crypto";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import type { ContractClient } from "../support/contract-client.ts";
import { type Stage, startStage } from "../support/story-stage.ts";
import type { Runtime } from "../support/tapin.ts";
import { closeGrpc } from "./speak.ts";

/** A running Tapin with a project. */
export interface World {
  readonly stage: Stage;
  readonly slug: string;
  readonly apiKey: string;
  /** Of a second project. */
  readonly otherSlug: string;
  /** On the project's list. */
  readonly redirectUri: string;
  /** A client of the project. */
  readonly website: ContractClient;
  /** Bots 1 and later are nobody's. */
  readonly bots: BotApi;
  stop(): Promise<void>;
}

/** A slug nobody has. */
export const randomSlug = () => `m-${randomBytes(4).toString("hex")}`;

/** Starts one. */
export async function startWorld(
  runtime: Runtime,
  env: Readonly<Record<string, string>> = {},
): Promise<World> {
  const bots = await startBotApi(["MatrixBot", "ShopBot", "OtherBot"]);
  const stage = await startStage({ runtime, env: { ...bots.env, TAPIN_SANDBOX: "on", ...env } });
  const redirectUri = "https://shop.example/back";
  const project = await stage.project({ slug: randomSlug(), redirect_uris: [redirectUri] });
  return {
    stage,
    bots,
    redirectUri,
    slug: project.slug,
    apiKey: project.apiKey,
    otherSlug: (await stage.project({ slug: randomSlug() })).slug,
    website: project.client("REST"),
    async stop() {
      closeGrpc(stage.url);
      await stage.stop();
      await bots.close();
    },
  };
}
