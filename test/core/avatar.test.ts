// The id of a picture, and which bytes are one.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { avatarId, avatarTypeOf, parseAvatarId } from "../../src/core/avatar.ts";
import { createSecrets } from "../../src/core/secret.ts";

const [OLD, NEW] = ["an-old-secret-of-at-least-32-bytes!", "a-new-secret-of-at-least-32-bytes!"];
const secrets = createSecrets([OLD]);
const ticket = {
  projectId: "8c4ba7c1-2b11-4f0c-9e83-0f8e1a5a9f10",
  subscriberId: "f4a5ed0b-4f52-4a8c-b0a5-6a3a5b8c7d21",
  expiresAt: new Date(1_800_000_000_000),
};

describe("avatarId and parseAvatarId", () => {
  it("give the ticket back, also after TAPIN_SECRET was rotated", () => {
    const id = avatarId(secrets, ticket);
    expect(parseAvatarId(secrets, id)).toEqual(ticket);
    expect(parseAvatarId(createSecrets([NEW, OLD]), id)).toEqual(ticket);
    expect(parseAvatarId(createSecrets([NEW]), id)).toBeNull();
  });

  it("T18 the id tells nothing, is the same for the same ticket and shares no nonce with another", () => {
    const id = avatarId(secrets, ticket);
    expect(avatarId(secrets, { ...ticket })).toBe(id);
    const later = avatarId(secrets, { ...ticket, expiresAt: new Date(1_800_000_001_000) });
    expect(later.slice(0, 16)).not.toBe(id.slice(0, 16));
    const bytes = Buffer.from(id, "base64url").toString("latin1");
    for (const known of [ticket.projectId, ticket.subscriberId, "1800000000", "avatar"]) {
      expect(bytes).not.toContain(known);
    }
  });

  it("null for any change of the id, and for what else is sealed with the key", () => {
    const id = avatarId(secrets, ticket);
    fc.assert(
      fc.property(fc.nat({ max: id.length - 2 }), fc.constantFrom(..."AZaz09_-"), (at, letter) => {
        fc.pre(id[at] !== letter);
        const changed = id.slice(0, at) + letter + id.slice(at + 1);
        expect(parseAvatarId(secrets, changed)).toBeNull();
      }),
    );
    const token = secrets.seal("123456:a-token|of-a|bot|1", (count) => new Uint8Array(count));
    expect(parseAvatarId(secrets, token)).toBeNull();
    for (const text of ["", "x".repeat(39), `${id}=`, `${id}/..`, "x".repeat(5000)]) {
      expect(parseAvatarId(secrets, text)).toBeNull();
    }
  });
});

describe("avatarTypeOf", () => {
  it.each([
    ["image/jpeg", "ffd8ffe000104a46494600"],
    ["image/png", "89504e470d0a1a0a0000000d"],
    ["image/webp", "52494646aabbccdd57454250"],
    [null, "52494646aabbccdd41564920"], // AVI
    [null, "474946383961"], // GIF
    [null, "89504e470d0a1a"],
    [null, ""],
    [null, Buffer.from("<svg xmlns='x'>").toString("hex")],
    [null, `00${"ffd8ff"}`],
  ])("%s for %s", (type, hex) => {
    expect(avatarTypeOf(Buffer.from(hex, "hex"))).toBe(type);
  });
});
