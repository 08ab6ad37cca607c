// A TCP connection's way to a server, which tests may cut and mend: as when a database goes away
// and comes back.

import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";

/** A way to a server. */
export interface Link {
  readonly port: number;
  /** Ends every connection; new ones are closed as soon as they are made. */
  cut(): void;
  /** New connections reach the server again. */
  mend(): void;
  close(): Promise<void>;
}

/** Opens a way to a port of this machine. */
export async function openLink(target: number): Promise<Link> {
  const open = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket) => {
    open.add(socket);
    // What becomes of a connection shows at its other end.
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
  };
  const server = net.createServer((near) => {
    keep(near);
    if (isCut) {
      near.destroy();
      return;
    }
    const far = net.connect(target, "127.0.0.1");
    keep(far);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend() {
      isCut = false;
    },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
