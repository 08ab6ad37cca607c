// Hostile bodies: JSON, Protobuf and the envelopes of gRPC and of Connect streams, valid and
// broken.

import type { Random } from "./random.ts";

const DOCUMENTS = [
  "{}",
  '{"code":"x"}',
  '{"state":"abc"}',
  '{"session_id":"x"}',
  '{"sessionId":"0000000000000000"}',
  "[]",
  "null",
  "1",
  '{"__proto__":{"a":1}}',
  '{"code":"x","code":"y"}',
  '{"code":{"a":[1,2]}}',
  '{"unknown":1}',
  '{"state":"\\ud800"}',
  '{"client":{"ip":"999.1.1.1","user_agent":"\\u0000"}}',
  '{"code_challenge":"x","match_code":"yes"}',
  "{",
  '{"a":',
  "",
  '{"slug":"../x","name":"","callback_url":"javascript:alert(1)"}',
  '{"state":1e999}',
  '{"match_code":null}',
  "[".repeat(5000),
  `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
  `{"code":"${"x".repeat(70_000)}"}`,
];

/** A body that stands for a message, or does not. */
export function hostileBody(random: Random, isRpc: boolean): Buffer {
  const message = random.chance(0.65) ? jsonBytes(random) : protobuf(random);
  return isRpc && random.chance(0.6) ? enveloped(random, message) : message;
}

function jsonBytes(random: Random): Buffer {
  // The large ones seldom: they would be all that is sent.
  const count = random.chance(0.02) ? DOCUMENTS.length : DOCUMENTS.length - 3;
  const bytes = Buffer.from(DOCUMENTS[random.below(count)] ?? "");
  if (bytes.length > 0 && random.chance(0.3)) bytes[random.below(bytes.length)] = random.below(256);
  return random.chance(0.1) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** Fields with any number and wire type, the lengths of which need not be true. */
function protobuf(random: Random): Buffer {
  const parts: Buffer[] = [];
  while (random.chance(0.7)) {
    const content = random.bytes(random.below(20));
    const tag = (1 + random.below(15)) * 8 + random.below(8);
    const length = random.chance(0.8) ? content.length : random.below(256);
    parts.push(Buffer.from([tag, length]), content);
  }
  return Buffer.concat(parts);
}

function enveloped(random: Random, message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = random.chance(0.8) ? 0 : random.below(256);
  prefix.writeUInt32BE(random.chance(0.8) ? message.length : random.bytes(4).readUInt32BE(), 1);
  const more = random.chance(0.05) ? [prefix, message] : [];
  return Buffer.concat([prefix, message, ...more]);
}
