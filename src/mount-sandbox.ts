// Mounts the sandbox on the server's port: pretend messengers, their pages, and the demo website.

import type { Config } from "./config.ts";
import type { Channel } from "./core/subscriber.ts";
import { TapinError } from "./errors.ts";
import type { MessengerAccess } from "./fleet/member.ts";
import { createDemo } from "./sandbox/demo/demo.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import type { PlainRoute } from "./server/front.ts";

/** Where this Tapin is reached; filled in once it listens. */
export interface Addresses {
  /** As browsers and messengers reach it. */
  publicUrl: string;
  /** As this machine reaches it. */
  localUrl: string;
}

/**
 * The demo website needs an API key, which needs the server's address: it is mounted before it is
 * there.
 */
export interface Website {
  handle: ReturnType<typeof createDemo>["handle"] | null;
}

/** Makes the demo website with the demo project's API key. */
export function openWebsite(website: Website, addresses: Addresses, apiKey: string): void {
  const { handle } = createDemo({
    apiUrl: () => addresses.localUrl,
    publicUrl: () => addresses.publicUrl,
    apiKey,
  });
  website.handle = handle;
}

/** The sandbox's paths. */
export function sandboxRoutes(sandbox: Sandbox, website: Website): readonly PlainRoute[] {
  const pretend: PlainRoute["handle"] = ({ req, res }) => sandbox.handle(req, res);
  const demo: PlainRoute["handle"] = async ({ req, res }) => {
    if (website.handle === null) throw new TapinError("UNAVAILABLE");
    await website.handle(req, res);
  };
  return [
    { path: "/sandbox", handle: pretend },
    { path: "/sandbox/*", handle: pretend },
    { path: "/demo", handle: demo },
    { path: "/demo/*", handle: demo },
    {
      path: "/",
      handle({ res, method }) {
        if (method !== "GET" && method !== "HEAD") throw new TapinError("NOT_FOUND");
        res.statusCode = 302;
        res.setHeader("location", "/demo");
        res.end();
      },
    },
  ];
}

const BOT_ADDRESS: Record<Channel, string> = {
  telegram: "https://t.me",
  max: "https://max.ru",
};

/** How this process reaches a messenger: the real one, or the sandbox in its place. */
export function accessTo(
  channel: Channel,
  config: Config,
  { sandbox, addresses }: { sandbox: Sandbox | null; addresses: Addresses },
): MessengerAccess {
  const botUrl = (username: string) => `${BOT_ADDRESS[channel]}/${username}`;
  const set = config[channel];
  if (set !== null) return { ...set, botUrl };
  if (sandbox === null) return { token: null, apiUrl: null, caFile: null, botUrl };
  return {
    token: sandbox[channel].token,
    apiUrl: `${addresses.localUrl}/sandbox/${channel}-api`,
    caFile: null,
    botUrl: (username) => `${addresses.publicUrl}/sandbox/${channel}/${username}`,
  };
}
