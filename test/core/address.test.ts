// Whose address counts: behind trusted proxies the client's, never one that the client made up.

import { describe, expect, it } from "vitest";
import {
  callerNetwork,
  clientAddress,
  type Network,
  parseNetwork,
} from "../../src/core/address.ts";

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.map(parseNetwork).filter((network) => network !== null);
}

describe("clientAddress", () => {
  const trusted = networks("10.0.0.0/8", "::1", "2001:db8:f::/48");
  it.each([
    ["without a proxy it is the peer", "198.51.100.7", null, "198.51.100.7"],
    ["a peer that is no proxy is not believed", "198.51.100.7", "203.0.113.9", "198.51.100.7"],
    ["a proxy is believed", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["what the client wrote is not", "10.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"],
    ["a chain of proxies", "10.0.0.1", "192.0.2.1, 203.0.113.9,10.1.2.3", "203.0.113.9"],
    ["a chain of nothing but proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["a proxy that says nothing", "10.0.0.1", null, "10.0.0.1"],
    ["a proxy that says nonsense", "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
    ["an IPv4 peer of an IPv6 socket", "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["an IPv6 proxy", "2001:db8:f::1", "2001:db8::1", "2001:db8::1"],
    ["an address with its port", "::1", "203.0.113.9:4711", "203.0.113.9"],
    ["an IPv6 address with its port", "::1", "[2001:db8::1]:4711", "2001:db8::1"],
    ["a number that some take for an address", "::1", "2130706433", "::1"],
    ["a peer without address, such as a closed socket", "", "203.0.113.9", ""],
  ])("%s", (_, peer, forwardedFor, client) => {
    expect(clientAddress(peer, forwardedFor, trusted)).toBe(client);
  });
});

describe("callerNetwork (T10)", () => {
  it("an IPv4 address counts for itself, however it is written", () => {
    expect(callerNetwork("203.0.113.9")).toBe("203.0.113.9");
    expect(callerNetwork("::ffff:203.0.113.9")).toBe("203.0.113.9");
    expect(callerNetwork("203.0.113.8")).not.toBe(callerNetwork("203.0.113.9"));
  });

  it("all IPv6 addresses of a /64 count as one", () => {
    const counted = callerNetwork("2001:db8:1:2:3:4:5:6");
    expect(counted).toBe("2001:db8:1:2::/64");
    expect(callerNetwork("2001:DB8:1:2:ffff::1")).toBe(counted);
    expect(callerNetwork("2001:db8:1:3:3:4:5:6")).not.toBe(counted);
  });

  it("a text that is no address counts for itself", () => {
    expect(callerNetwork("")).toBe("");
  });
});

describe("parseNetwork", () => {
  it.each([
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::/129",
    "010.0.0.1",
    "1",
  ])("%j is neither address nor network", (text) => {
    expect(parseNetwork(text)).toBeNull();
  });
});
