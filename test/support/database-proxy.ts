// A TCP proxy in front of PostgreSQL that fails as networks and servers do: it breaks connections,
// passes nothing on without saying so, and leads to another server.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A running proxy, which passes everything on until it is told otherwise. */
export interface DatabaseProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Breaks every connection; new ones get through. */
  cut(): void;
  /**
   * Takes connections and passes nothing on from now on, in either direction, as a network that
   * drops packets. With `name` only those connections fall silent that say this `application_name`.
   */
  silence(name?: string): void;
  /** Passes on again, what was held back first. */
  restore(): void;
  /** Whether connections made from now on break at the first query, once they have got through. */
  breakAtQuery(breaks: boolean): void;
  /** New connections lead to another port. */
  redirect(port: number): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client said first, its names among it. */
  greeting: string;
}

class RunningProxy implements DatabaseProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #port: number;
  #breaksAtQuery = false;
  #isSilent: (pair: Pair) => boolean = () => false;

  constructor(server: Server, databaseUrl: string) {
    this.#server = server;
    this.#port = Number(new URL(databaseUrl).port);
    const { port } = server.address() as AddressInfo;
    this.url = Object.assign(new URL(databaseUrl), { port: String(port) }).href;
    server.on("connection", (socket) => this.#join(socket));
  }

  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  silence(name?: string): void {
    this.#isSilent = ({ greeting }) => name === undefined || greeting.includes(`\0${name}\0`);
    for (const pair of this.#pairs) this.#holdIfSilent(pair);
  }

  restore(): void {
    this.#isSilent = () => false;
    for (const { client, server } of this.#pairs) {
      // Who left meanwhile could not be told apart from one that is silent.
      if (server.destroyed) client.destroy();
      client.resume();
      server.resume();
    }
  }

  breakAtQuery(breaks: boolean): void {
    this.#breaksAtQuery = breaks;
  }

  redirect(port: number): void {
    this.#port = port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    const server = connect(this.#port, "127.0.0.1");
    const pair: Pair = { client, server, greeting: "" };
    this.#pairs.add(pair);
    client.once("data", (chunk: Buffer) => {
      pair.greeting = chunk.toString("latin1");
    });
    if (this.#breaksAtQuery) breakAtQuery(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on("data", (chunk) => {
        to.write(chunk);
        this.#holdIfSilent(pair);
      });
      from.on("error", () => to.destroy());
      // What was sent before the end is passed on before it, however late.
      from.on("end", () => to.end());
      from.on("close", () => {
        if (client.destroyed && server.destroyed) this.#pairs.delete(pair);
        if (!this.#isSilent(pair)) to.end();
      });
    }
    this.#holdIfSilent(pair);
  }

  #holdIfSilent(pair: Pair): void {
    if (!this.#isSilent(pair)) return;
    pair.client.pause();
    pair.server.pause();
  }
}

// The protocol's message of type Q; before it there are the greeting, which has no type, and the
// password.
function breakAtQuery({ client, server }: Pair): void {
  client.prependListener("data", (chunk: Buffer) => {
    if (chunk.toString("latin1", 0, 1) !== "Q") return;
    client.resetAndDestroy();
    server.destroy();
  });
}

/** Starts a proxy before the database of this URL. */
export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new RunningProxy(server, databaseUrl);
}
