import { assertEquals, assertLessOrEqual } from "@std/assert";
import { PEER_SET_CAPACITY, PeerSet } from "../../stack/peer_set.ts";

Deno.test("a peer is new once", () => {
  const peers = new PeerSet();
  for (const address of [1, -1, 0x0a000202, -0x80000000]) {
    assertEquals(peers.add(address), true);
    assertEquals(peers.add(address), false);
  }
});

Deno.test("neighbouring addresses all find room, until the set is full", () => {
  const peers = new PeerSet();
  let added = 0;
  for (let i = 0; i < 65_536; i++) if (peers.add(0x0a000000 + i)) added++;
  assertEquals(added, PEER_SET_CAPACITY);
  assertEquals(peers.add(0x0b000000), false);
});

Deno.test("addresses made to collide cost room, not time, and nothing is reported twice", () => {
  const peers = new PeerSet();
  // The inverse of the hash's multiplier: all of these fall into the same slot.
  let inverse = 1;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(0x9e3779b1, inverse));
  let added = 0;
  for (let round = 0; round < 2; round++) {
    for (let i = 1; i <= 1000; i++) if (peers.add(Math.imul(inverse, i))) added++;
  }
  assertLessOrEqual(added, 16);
});
