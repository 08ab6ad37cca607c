// The processes that are killed or replaced: several on one PostgreSQL, each of which comes back at
// its own port.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

/** Processes of one Tapin. */
export interface Processes {
  /** Their addresses, at which nobody answers while one is away. */
  readonly addresses: readonly string[];
  /**
   * Ends one with the signal and starts it again; answers with its exit code and how long it took
   * to end.
   */
  replace(index: number, signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
  stop(): Promise<void>;
}

/** Starts one for each runtime. */
export async function startProcesses(
  runtimes: readonly Runtime[],
  env: Readonly<Record<string, string>>,
): Promise<Processes> {
  // Known beforehand: what a process says of itself is its public address.
  const ports = await Promise.all(runtimes.map(freePort));
  const start = (index: number) => {
    const TAPIN_PORT = String(ports[index]);
    return startTapin({ runtime: runtimes[index] ?? "node", env: { ...env, TAPIN_PORT } });
  };
  const running: Tapin[] = await Promise.all(runtimes.map((_, index) => start(index)));
  return {
    addresses: ports.map((port) => `http://127.0.0.1:${port}`),
    async replace(index, signal) {
      const tapin = running[index];
      if (tapin === undefined) throw new Error(`there is no process ${index}`);
      const beganAt = performance.now();
      const code = await tapin.end(signal);
      const ms = performance.now() - beganAt;
      running[index] = await start(index);
      return { code, ms };
    },
    async stop() {
      await Promise.all(running.map((tapin) => tapin.end("SIGKILL")));
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
