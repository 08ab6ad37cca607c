// Get the static deep links of a project.

import type { Bots } from "../core/bot-ports.ts";
import { deepLink, type Payload } from "../core/deep-link.ts";
import type { Project } from "../core/project.ts";
import { CHANNELS, type Channel } from "../core/subscriber.ts";

/** A deep link for each messenger; null where the project has no bot. */
export type Links = Readonly<Record<Channel, string | null>>;

/** The deep links of a project's bots that carry this payload. */
export function linksFor(bots: Bots, projectId: string, payload: Payload): Links {
  const linkOn = (channel: Channel) => {
    const botUrl = bots.urlOf(channel, projectId);
    return botUrl === null ? null : deepLink(botUrl, payload);
  };
  return { telegram: linkOn("telegram"), max: linkOn("max") };
}

/** The project's static links; `configured` when one of them can end on the callback URL. */
export function getLink(bots: Bots, project: Project): { links: Links; configured: boolean } {
  const links = linksFor(bots, project.id, { kind: "project", slug: project.slug });
  const hasBot = CHANNELS.some((channel) => links[channel] !== null);
  return { links, configured: project.callbackUrl !== null && hasBot };
}
