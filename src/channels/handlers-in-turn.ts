// The handlers of a bot, a few at a time: in a crowd the rest wait in line here, for as long as it
// takes, and not for a connection of the database, where waiting ends in an error and the person is
// told to try again.

import type { BotHandlers } from "../core/bot-ports.ts";
import { createLine } from "./line.ts";

/**
 * How many may be at work at once for one bot: fewer than the database has connections, so that
 * websites get theirs.
 */
export const HANDLERS_AT_ONCE = 6;

/**
 * The same handlers, at most {@link HANDLERS_AT_ONCE} of those that decide something at work, first
 * come first served. What is small and follows a decision does not stand in line once more, nor
 * does what is noted, which shares a statement: whoever delivers is waiting.
 */
export function handlersInTurn(handlers: BotHandlers): BotHandlers {
  const inTurn = createLine(HANDLERS_AT_ONCE);
  return {
    start: (person, payload) => inTurn(() => handlers.start(person, payload)),
    tap: (person, data) => inTurn(() => handlers.tap(person, data)),
    stop: (person) => inTurn(() => handlers.stop(person)),
    chooseLang: (person, lang) => inTurn(() => handlers.chooseLang(person, lang)),
    setReachable: (person, reachable) => inTurn(() => handlers.setReachable(person, reachable)),
    langOf: (person) => handlers.langOf(person),
    shown: (token, message) => handlers.shown(token, message),
    note: (update) => handlers.note(update),
    noteTap: (update, person, data) => handlers.noteTap(update, person, data),
    finish: (key) => handlers.finish(key),
    takeUnfinished: () => handlers.takeUnfinished(),
    marker: () => handlers.marker(),
    keepMarker: (marker) => handlers.keepMarker(marker),
  };
}
