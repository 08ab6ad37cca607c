// The address of the settings, before and while it is listened on: whether it can be had, and the
// sentence for whoever cannot have it.

import { createServer } from "node:net";
import type { Config } from "./config.ts";

/** Where to listen. */
type Address = Pick<Config, "host" | "port">;

/**
 * Rejects with a sentence when the address cannot be listened on, so that a start that is in vain
 * ends before it touches a database. Who takes the port afterwards is noticed when it is listened
 * on. Any free port (0) is always there.
 */
export async function checkPort({ host, port }: Address): Promise<void> {
  if (port === 0) return;
  const probe = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    probe.once("error", (cause) => reject(cannotListen({ host, port }, cause)));
    probe.listen({ host, port }, resolve);
  });
  await new Promise((resolve) => {
    probe.close(resolve);
  });
}

/** Why the address cannot be had, as a sentence. */
export function cannotListen({ host, port }: Address, cause: NodeJS.ErrnoException): Error {
  return new Error(`Tapin cannot listen on ${host}:${port}: ${whyNot(cause)}.`, { cause });
}

function whyNot({ code = "", message }: NodeJS.ErrnoException): string {
  const notHere = "this machine does not have the address; check TAPIN_HOST";
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "the port is in use; stop what uses it, or choose another one (TAPIN_PORT)",
    EACCES: "this user may not use the port; choose one above 1023 (TAPIN_PORT)",
    EADDRNOTAVAIL: notHere,
    EINVAL: notHere, // as Deno says it
    ENOTFOUND: "the host name is unknown; check TAPIN_HOST",
  };
  return reasons[code] ?? message;
}
