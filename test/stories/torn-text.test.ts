// Text that arrives in pieces: an update whose body is cut inside a character tells the person's
// name unharmed, over real sockets, through both messengers and on both runtimes.

import { afterEach, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { type MessengerWorld, startMessengerWorld } from "../support/messenger-world.ts";
import { makePostgresStorage, makeSite } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const STORIES = (["telegram", "max"] as const).flatMap((channel) =>
  RUNTIMES.map((runtime) => ({ channel, runtime })),
);

let world: MessengerWorld;
let tapin: Tapin;
let storage: Awaited<ReturnType<typeof makePostgresStorage>>;

afterEach(async () => {
  await tapin?.end();
  await world?.close();
  await storage?.remove();
});

it.each(STORIES)(
  "verifyCode tells a Cyrillic name that was delivered torn by $channel, on $runtime",
  async (story) => {
    const { channel, runtime } = story;
    storage = await makePostgresStorage();
    world = await startMessengerWorld(channel);
    const env = { ...storage.env, ...world.env, TAPIN_UPDATES: "webhook" };
    tapin = await startTapin({ runtime, env });
    const site = await makeSite(tapin);
    const session = await site.rest.createSession();
    await awaitCondition("the webhook is registered", async () => world.isRegistered());
    world.open(channel === "max" ? session.maxLink : session.telegramLink);
    await world.until(["Login", "Cancel"]);
    world.tap("Login");
    const [button] = (await world.until(["Go to website"])).buttons;
    const code = new URL(button?.url ?? "").searchParams.get("code") ?? "";
    expect((await site.rest.verifyCode({ code })).firstName).toBe("Анна");
    site.close();
  },
);
