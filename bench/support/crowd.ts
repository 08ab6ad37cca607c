// A crowd of watchers in a process of its own (crowd-process.ts), which leaves the heap of this one
// alone.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinned } from "./cores.ts";
import { NODE } from "./server-process.ts";

/** Who watches what. */
export interface CrowdOrder {
  readonly url: string;
  readonly apiKey: string;
  readonly transport: "grpc" | "sse";
  /** Ids of the sessions are those of a batch with this mark (sessions.ts). */
  readonly mark: string;
  readonly count: number;
}

/** What the crowd says of itself. */
export type CrowdNews =
  /** Every watcher has had its first message. */
  | { readonly event: "open" }
  /**
   * Every stream has ended. The code that each was told, "" for none, and how those without ended.
   */
  | {
      readonly event: "ended";
      readonly codes: readonly string[];
      readonly lost: readonly string[];
    }
  | { readonly event: "failed"; readonly why: string };

/** The crowd. */
export interface Crowd {
  /**
   * Resolves once every stream has ended: the codes in the order of the sessions, and how streams
   * without one ended.
   */
  ended(): Promise<{ readonly codes: readonly string[]; readonly lost: readonly string[] }>;
  leave(): Promise<void>;
}

/** Lets them all in; resolves once each has had its first message. */
export async function gatherCrowd(order: CrowdOrder): Promise<Crowd> {
  const script = fileURLToPath(new URL("./crowd-process.ts", import.meta.url));
  const [command, args] = pinned("load", [NODE, script, JSON.stringify(order)]);
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const news = newsOf(child, exited);
  const end = news("ended");
  end.catch(() => undefined);
  await news("open");
  return {
    async ended() {
      const last = await end;
      return last.event === "ended" ? last : { codes: [], lost: [] };
    },
    async leave() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function newsOf(child: ChildProcess, exited: Promise<unknown>) {
  return (wanted: CrowdNews["event"]) =>
    new Promise<CrowdNews>((resolve, reject) => {
      child.on("message", (news: CrowdNews) => {
        if (news.event === wanted) resolve(news);
        else if (news.event === "failed") reject(new Error(`the watchers: ${news.why}`));
      });
      void exited.then(() => reject(new Error("the process of the watchers ended")));
    });
}
