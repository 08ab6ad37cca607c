// Bots for tests of verbs that need no messenger.

import type { Bots } from "../../src/core/bot-ports.ts";

/** No project has a bot, and no messenger can be asked. */
export const NO_BOTS: Bots = {
  urlOf: () => null,
  identify: async () => null,
  isDefault: async () => false,
  avatar: async () => null,
  inspect: async () => [],
};
