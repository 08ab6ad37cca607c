// Sends hostile requests over HTTP/1.1, several on their way at once on one kept connection.

import { once } from "node:events";
import { connect } from "node:net";
import type { HostileRequest } from "./hostile-request.ts";
import { takeAnswer } from "./http1-answers.ts";
import { faultOf } from "./oracle.ts";
import { ANSWER_MS, type LaneParts, type Numbered, type Supply } from "./tally.ts";

/** Requests on their way at once. */
const BATCH = 24;

/** Sends what the supply has, batch by batch. */
export async function runHttp1({ url, supply, tally }: LaneParts): Promise<void> {
  let again: Numbered[] = [];
  let connection: Connection | null = null;
  for (;;) {
    const batch = takeBatch(again, supply);
    if (batch.length === 0) break;
    connection ??= await openConnection(url);
    const answered = await connection.exchange(batch, (numbered, answer) => {
      tally.add(String(answer.status));
      const fault = faultOf(numbered.request, answer);
      if (fault !== null) tally.complain(fault, "HTTP/1.1", numbered);
    });
    if (answered.fault !== null) {
      const blamed = batch[answered.count] ?? batch[batch.length - 1];
      if (blamed !== undefined) tally.complain(answered.fault, "HTTP/1.1", blamed);
    }
    if (answered.usable) {
      again = [];
      continue;
    }
    connection.destroy();
    connection = null;
    again = batch.slice(answered.count);
    // Closed without a word: that is the first one's ending, and the others come again. After a refusal that
    // announced the end all of them come again.
    if (!answered.announced && again.length > 0) {
      again.shift();
      tally.add("closed");
    }
  }
  connection?.destroy();
}

/** Up to the first request after which nobody knows where the next one begins. */
function takeBatch(again: readonly Numbered[], supply: Supply): Numbered[] {
  const batch = [...again];
  while (batch.length < BATCH && !batch.some(({ request }) => isLast(request))) {
    const next = supply();
    if (next === null) break;
    batch.push(next);
  }
  const last = batch.findIndex(({ request }) => isLast(request));
  // What is behind it would be taken for its body; it comes with the next batch.
  return last < 0 ? batch : [...batch.slice(0, last + 1), ...batch.slice(last + 1)];
}

function isLast({ framing, method }: HostileRequest): boolean {
  return (framing !== "length" && framing !== "chunked") || method === "CONNECT";
}

interface Outcome {
  /** Requests that were answered. */
  readonly count: number;
  readonly usable: boolean;
  /** Whether the last answer said that the connection would be closed. */
  readonly announced: boolean;
  readonly fault: string | null;
}

interface Connection {
  exchange(
    batch: readonly Numbered[],
    onAnswer: (numbered: Numbered, answer: Parameters<typeof faultOf>[1]) => void,
  ): Promise<Outcome>;
  destroy(): void;
}

async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  let bytes: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    wake();
  });
  for (const event of ["end", "close", "error"]) {
    socket.on(event, () => {
      ended = true;
      wake();
    });
  }
  await once(socket, "connect");
  const more = () =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_MS);
      wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  return {
    destroy: () => socket.destroy(),
    async exchange(batch, onAnswer) {
      const breaks = batch.some(({ request }) => isLast(request));
      socket.write(Buffer.concat(batch.map(({ request }) => bytesOf(request))));
      if (breaks) socket.end();
      let count = 0;
      let announced = false;
      try {
        while (count < batch.length) {
          const numbered = batch[count] as Numbered;
          const taken = takeAnswer(bytes, numbered.request.method);
          if (taken !== null) {
            bytes = bytes.subarray(taken.length);
            if (taken.answer.status < 200) continue;
            announced = taken.answer.headers.connection === "close";
            onAnswer(numbered, taken.answer);
            count++;
            if (announced) break;
          } else if (ended) break;
          else if (!(await more())) {
            return { count, usable: false, announced, fault: "no answer in time" };
          }
        }
      } catch (error) {
        return { count, usable: false, announced, fault: String(error) };
      }
      return { count, usable: !breaks && !announced && !ended, announced, fault: null };
    },
  };
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
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (!isChunked) return Buffer.concat([head, body]);
  const size = framing === "bad chunks" ? "fffffffffffffffff" : body.length.toString(16);
  const chunk = body.length === 0 ? [] : [Buffer.from(`${size}\r\n`), body, Buffer.from("\r\n")];
  return Buffer.concat([head, ...chunk, Buffer.from("0\r\n\r\n")]);
}
