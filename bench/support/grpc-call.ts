// gRPC by raw HTTP/2: one unary call, and streams by the thousand. Small, because the load
// generators of others can neither look into answers nor hold a stream open.

import http2, { type ClientHttp2Session } from "node:http2";

/**
 * A message with the five bytes before it that say it is not compressed, and its length (gRPC over
 * HTTP/2, "Length-Prefixed-Message").
 */
export function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Where to, and as whom. */
export interface GrpcTarget {
  readonly path: string;
  readonly apiKey: string;
}

/**
 * Sends one message on this connection. Each message of the answer is handed over; resolves with
 * the status once the call has ended.
 */
export function grpcCall(
  session: ClientHttp2Session,
  { path, apiKey }: GrpcTarget,
  { message, onMessage }: { message: Uint8Array; onMessage: (message: Buffer) => void },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${apiKey}`,
    });
    let rest: Buffer = Buffer.alloc(0);
    let status = "";
    const keep = (headers: http2.IncomingHttpHeaders) => {
      status = String(headers["grpc-status"] ?? status);
    };
    stream.on("response", keep).on("trailers", keep);
    stream.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        onMessage(rest.subarray(5, end));
        rest = rest.subarray(end);
      }
    });
    stream.once("error", reject);
    stream.once("close", () => resolve(status));
    stream.end(framed(message));
  });
}

/** The answer to one unary call, on a connection of its own. Rejects when it did not succeed. */
export async function grpcUnary(
  url: string,
  target: GrpcTarget,
  message: Uint8Array,
): Promise<Buffer> {
  const session = http2.connect(url);
  try {
    const answers: Buffer[] = [];
    const onMessage = (answer: Buffer) => void answers.push(answer);
    const status = await grpcCall(session, target, { message, onMessage });
    const [answer] = answers;
    if (status !== "0" || answer === undefined) throw new Error(`${target.path}: status ${status}`);
    return answer;
  } finally {
    session.destroy();
  }
}
