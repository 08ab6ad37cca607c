// Manage a project's own bots: set, list and remove them, for the operator.

import type { ProjectBot } from "../core/bot-ports.ts";
import type { Ports } from "../core/ports.ts";
import { CHANNELS, type Channel } from "../core/subscriber.ts";
import { TapinError } from "../errors.ts";
import { getProject } from "./manage-project.ts";

/**
 * Gives the project this bot. The messenger is asked whose token it is, and the token is stored
 * sealed. Fails with `validation_failed` (token refused), `project_not_found`, `conflict` or
 * `unavailable`.
 */
export async function setBot(
  ports: Ports,
  slug: string,
  { channel, token }: { channel: Channel; token: string },
): Promise<ProjectBot> {
  const project = await getProject(ports, slug);
  const account = await ports.bots.identify(channel, token);
  if (account === null) {
    throw new TapinError("VALIDATION_FAILED", {
      violations: [{ field: "token", message: "is refused by the messenger" }],
    });
  }
  if (await ports.bots.isDefault(channel, account.messengerBotId)) {
    throw new TapinError("CONFLICT", { sentence: "This bot is this Tapin's own." });
  }
  const sealedToken = ports.secrets.seal(token, ports.random);
  const bot = await ports.store.bots.set(project.id, { channel, ...account, sealedToken });
  if (bot === null) {
    throw new TapinError("CONFLICT", { sentence: "Another project uses this bot." });
  }
  return bot;
}

/** The project's own bots. Fails with `project_not_found`. */
export async function listBots(
  ports: Pick<Ports, "store">,
  slug: string,
): Promise<readonly ProjectBot[]> {
  const project = await getProject(ports, slug);
  const bots = CHANNELS.map((channel) => ports.store.bots.find(project.id, channel));
  return (await Promise.all(bots)).filter((bot) => bot !== null);
}

/** Takes the project's own bot away. Fails with `project_not_found` or `not_found`. */
export async function removeBot(
  ports: Pick<Ports, "store">,
  slug: string,
  channel: Channel,
): Promise<void> {
  const project = await getProject(ports, slug);
  if (!(await ports.store.bots.remove(project.id, channel))) throw new TapinError("NOT_FOUND");
}
