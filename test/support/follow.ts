// A follower of the change feed whose news are waited for.

import type { ChangeFeed, SessionNews } from "../../src/core/ports.ts";

/** What is waited for. */
export interface Followed {
  /**
   * The next news; `timeout` when there is none for so long. News between two waits are not lost,
   * but become one.
   */
  next(timeoutMs: number): Promise<SessionNews>;
  close(): void;
}

/** Follows one session, and with `projectId` also that project. */
export function follow(
  changes: Pick<ChangeFeed, "follow">,
  sessionId: string,
  projectId?: string,
): Followed {
  let missed: SessionNews | null = null;
  let tell: ((news: SessionNews) => void) | null = null;
  const ear = {
    hear(news: SessionNews) {
      if (tell === null) missed = news;
      else tell(news);
    },
  };
  const follower = changes.follow(sessionId, ear, projectId);
  return {
    async next(timeoutMs) {
      const before = missed;
      missed = null;
      if (before !== null) return before;
      const { promise, resolve } = Promise.withResolvers<SessionNews>();
      tell = resolve;
      const timer = setTimeout(() => resolve("timeout"), timeoutMs);
      const news = await promise;
      clearTimeout(timer);
      tell = null;
      return news;
    },
    close: () => follower.close(),
  };
}
