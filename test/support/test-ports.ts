// What verbs and servers under test are made of when no messenger is needed: ports over a database,
// and no limits. The databases themselves are in databases.ts, and rows to start from in
// test/store/seed.ts.

import { randomBytes } from "node:crypto";
import { parseConfig } from "../../src/config.ts";
import type { Bots } from "../../src/core/bot-ports.ts";
import { NO_OBSERVER } from "../../src/core/observer.ts";
import type { Ports } from "../../src/core/ports.ts";
import { createSecrets } from "../../src/core/secret.ts";
import type { LimitSettings } from "../../src/server/limit.ts";

/** No project has a bot, and no messenger can be asked. */
export const NO_BOTS: Bots = {
  urlOf: () => null,
  identify: async () => null,
  isDefault: async () => false,
  avatar: async () => null,
  inspect: async () => [],
};

/** Nobody is limited. */
export const NO_LIMITS: LimitSettings = {
  requestsPerMinute: 0,
  failuresPerMinute: 0,
  sessionsPerMinute: 0,
  watchersPerSession: 0,
  watchersPerProject: 0,
};

/** How large what callers send may be, unless the operator sets another size. */
export const DEFAULT_SIZES = parseConfig({}).sizes;

/**
 * Ports over a database: sessions and codes live 300 s, pictures are not served, and nobody has a
 * bot.
 */
export function portsOver({ store, changes }: Pick<Ports, "store" | "changes">): Ports {
  return {
    store,
    changes,
    secrets: createSecrets(["a secret for tests that is long enough"]),
    random: (count) => randomBytes(count),
    bots: NO_BOTS,
    observer: NO_OBSERVER,
    settings: { sessionTtlSeconds: 300, codeTtlSeconds: 300, avatarsUrl: null },
  };
}
