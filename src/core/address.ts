// Addresses of callers: whose address a proxy vouches for, and which addresses count as one.

import ipaddr from "ipaddr.js";

type Address = ReturnType<typeof ipaddr.parse>;

/** Addresses with the same first bits. */
export type Network = readonly [Address, number];

/**
 * Bits of an IPv6 address that tell one caller from another: a /64 is one network's, often one
 * machine's (RFC 6177).
 */
const IPV6_CALLER_BITS = 64;

/**
 * An address such as `10.0.0.1` or `fd00::1`, or a network such as `10.0.0.0/8`; null when it is
 * neither.
 */
export function parseNetwork(text: string): Network | null {
  const [address = "", bits, ...rest] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === null || rest.length > 0) return null;
  const most = parsed.kind() === "ipv4" ? 32 : 128;
  if (bits === undefined) return [parsed, most];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? [parsed, Number(bits)] : null;
}

/**
 * The address of the client: the peer's, or behind trusted proxies the last one in
 * `X-Forwarded-For` that is no trusted proxy's. What stands before it anybody can have written. An
 * entry that is no address ends the search at the proxy that sent it.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | null,
  trusted: readonly Network[],
): string {
  let client = parseAddress(peer);
  if (client === null) return peer;
  const entries = (forwardedFor ?? "").split(",");
  while (isTrusted(client, trusted)) {
    const next = parseAddress(withoutPort((entries.pop() ?? "").trim()));
    if (next === null) break;
    client = next;
  }
  return client.toString();
}

/**
 * What an address is counted under: itself, or the /64 of an IPv6 one. A text that is no address:
 * itself.
 */
export function callerNetwork(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  if (parsed.kind() === "ipv4") return parsed.toString();
  const bytes = parsed.toByteArray();
  const network = bytes.map((byte, index) => (index < IPV6_CALLER_BITS / 8 ? byte : 0));
  return `${ipaddr.fromByteArray(network)}/${IPV6_CALLER_BITS}`;
}

function isTrusted(address: Address, trusted: readonly Network[]): boolean {
  return trusted.some(
    ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
  );
}

/** `::ffff:10.0.0.1` is 10.0.0.1: a socket that listens on `::` tells IPv4 peers so. */
function parseAddress(text: string): Address | null {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  return isAddress ? ipaddr.process(text) : null;
}

/** Some proxies add the port (RFC 7239 section 6 has it so, and X-Forwarded-For has no rules). */
function withoutPort(entry: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}
