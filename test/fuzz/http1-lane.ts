// Sends hostile requests over HTTP/1.1, several on their way at once on one kept connection.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { HostileRequest } from "./hostile-request.ts";
import { takeAnswer } from "./http1-answers.ts";
import { type FuzzAnswer, faultOf } from "./oracle.ts";
import { ANSWER_MS, type LaneParts, type Numbered, type Supply, type Tally } from "./tally.ts";

/** Requests on their way at once. */
const BATCH = 24;

/** Sends what the supply has, batch by batch. */
export async function runHttp1({ url, supply, tally }: LaneParts): Promise<void> {
  let again: readonly Numbered[] = [];
  let connection: Connection | null = null;
  for (;;) {
    const batch = takeBatch(again, supply);
    if (batch.length === 0) break;
    connection ??= await Connection.open(url);
    const { count, ending } = await exchange(connection, batch, tally);
    // Closed without a word: that is the first one's ending, and the others come again. After a
    // refusal that announced the end, all of them come again.
    if (ending === "closed" && count < batch.length) tally.add("closed");
    again = batch.slice(ending === "closed" ? count + 1 : count);
    if (ending === "open") continue;
    connection.destroy();
    connection = null;
  }
  connection?.destroy();
}

/**
 * What is to come again, and more, up to the first after which nobody knows where the next one
 * begins.
 */
function takeBatch(again: readonly Numbered[], supply: Supply): Numbered[] {
  const batch = [...again];
  while (batch.length < BATCH && !batch.some(({ request }) => isLast(request))) {
    const next = supply();
    if (next === null) break;
    batch.push(next);
  }
  return batch;
}

function isLast({ framing, method }: HostileRequest): boolean {
  return (framing !== "length" && framing !== "chunked") || method === "CONNECT";
}

interface Outcome {
  /** Requests that were answered. */
  readonly count: number;
  /** What became of the connection: the last answer may have announced its end. */
  readonly ending: "open" | "announced" | "closed";
}

/** Sends a batch and judges the answers. */
async function exchange(
  connection: Connection,
  batch: readonly Numbered[],
  tally: Tally,
): Promise<Outcome> {
  connection.send(Buffer.concat(batch.map(({ request }) => bytesOf(request))));
  const breaks = batch.some(({ request }) => isLast(request));
  if (breaks) connection.endSending();
  for (const [count, numbered] of batch.entries()) {
    const answer = await connection.next(numbered.request.method).catch((error: Error) => {
      tally.complain(error.message, "HTTP/1.1", numbered);
      return null;
    });
    if (answer === null) return { count, ending: "closed" };
    tally.add(String(answer.status));
    const fault = faultOf(numbered.request, answer);
    if (fault !== null) tally.complain(fault, "HTTP/1.1", numbered);
    if (answer.headers.connection === "close") return { count: count + 1, ending: "announced" };
  }
  return { count: batch.length, ending: breaks ? "closed" : "open" };
}

/** One connection. */
class Connection {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    const connection = new Connection(socket);
    await once(socket, "connect");
    return connection;
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  endSending(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * The next answer that is not interim; null when the connection ended before. Rejects when there
   * is none in time.
   */
  async next(method: string): Promise<FuzzAnswer | null> {
    for (;;) {
      const taken = takeAnswer(this.#bytes, method);
      if (taken !== null) {
        this.#bytes = this.#bytes.subarray(taken.length);
        if (taken.answer.status >= 200) return taken.answer;
      } else if (this.#ended) return null;
      else await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The bytes of a request, framed as it says. */
function bytesOf({ method, target, authority, fields, body, framing }: HostileRequest): Buffer {
  const lines = [`Host: ${authority}`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const isChunked = framing === "chunked" || framing === "bad chunks" || framing === "both";
  if (isChunked) lines.push("Transfer-Encoding: chunked");
  if (framing === "length" || framing === "twice") lines.push(`Content-Length: ${body.length}`);
  if (framing === "twice") lines.push(`Content-Length: ${body.length + 1}`);
  if (framing === "too long" || framing === "both") {
    lines.push(`Content-Length: ${body.length + 10}`);
  }
  const head = Buffer.from(
    `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`,
    "latin1",
  );
  if (!isChunked) return Buffer.concat([head, body]);
  const size = framing === "bad chunks" ? "fffffffffffffffff" : body.length.toString(16);
  const chunk = body.length === 0 ? [] : [Buffer.from(`${size}\r\n`), body, Buffer.from("\r\n")];
  return Buffer.concat([head, ...chunk, Buffer.from("0\r\n\r\n")]);
}
