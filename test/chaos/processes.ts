// The processes that are killed or replaced: several on one PostgreSQL, each of which comes back at its own port.

import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

/** Processes of one Tapin. */
export interface Processes {
  /** Addresses of those that run. Never empty for long. */
  live(): readonly string[];
  readonly adminToken: string;
  /** Ends one with the signal and starts it again; answers with its exit code and how long it took to end. */
  replace(index: number, signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
  stop(): Promise<void>;
}

/** Starts one for each runtime. */
export async function startProcesses(
  runtimes: readonly Runtime[],
  env: Readonly<Record<string, string>>,
): Promise<Processes> {
  const running: (Tapin | null)[] = await Promise.all(
    runtimes.map((runtime) => startTapin({ runtime, env })),
  );
  const first = running[0];
  if (first === undefined || first === null) throw new Error("no runtime was named");
  return {
    live: () => running.flatMap((tapin) => (tapin === null ? [] : [tapin.url])),
    adminToken: first.adminToken,
    async replace(index, signal) {
      const tapin = running[index] ?? null;
      if (tapin === null) throw new Error(`process ${index} does not run`);
      running[index] = null;
      const beganAt = performance.now();
      const code = await tapin.end(signal);
      const ms = performance.now() - beganAt;
      const TAPIN_PORT = new URL(tapin.url).port;
      const runtime = runtimes[index] ?? "node";
      running[index] = await startTapin({ runtime, env: { ...env, TAPIN_PORT } });
      return { code, ms };
    },
    async stop() {
      await Promise.all(running.map((tapin) => tapin?.end("SIGKILL")));
    },
  };
}
