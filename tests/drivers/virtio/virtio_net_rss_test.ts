import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { VIRTIO_NET_F_RSS } from "../../device/multiqueue_net_model.ts";
import { hashOfIpv4, toeplitz } from "../../device/toeplitz.ts";
import { VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_MRG_RXBUF } from "../../device/virtio_net_model.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { arpFrame, echoFrame, padded } from "../../stack/frames.ts";
import { PairsLink } from "./pairs_link.ts";

Deno.test("the Toeplitz hash is that of Microsoft's verification suite", () => {
  const key = Uint8Array.from(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
      .match(/../g) ?? [],
    (byte) => parseInt(byte, 16),
  );
  // From 66.9.149.187 to 161.142.100.80, and from 199.92.111.2 to 65.69.140.83.
  assertEquals(toeplitz(key, Uint8Array.of(66, 9, 149, 187, 161, 142, 100, 80)), 0x323e8fc2);
  assertEquals(toeplitz(key, Uint8Array.of(199, 92, 111, 2, 65, 69, 140, 83)), 0xd718262a);
});

/**
 * An echo request from a peer of this number. The peers differ in many bits, as a hash is a sum over
 * bits of a key that is another each time: with few of them it could be all the same.
 */
function echoFrom(peer: number): Uint8Array {
  return padded(echoFrame({ from: `10.${peer * 89 & 0xff}.${peer * 151 & 0xff}.${peer}` }));
}

Deno.test("with RSS the device spreads addresses evenly, each to its own queue, the rest to queue 0", () => {
  const link = new PairsLink({ pairs: 4, more: VIRTIO_NET_F_RSS }).run(4);
  const { model, driver } = link;
  const { steering } = driver;
  assert(steering !== null);
  assertEquals([model.control.commands.length, model.pairsInUse], [1, 4]);
  assertEquals([steering.key.length, steering.table.length], [40, 128]);
  for (let pair = 0; pair < 4; pair++) {
    assertEquals(steering.table.filter((queue) => queue === pair).length, 32);
  }
  for (let peer = 1; peer <= 200; peer++) {
    const echo = echoFrom(peer);
    const queue = steering.table[hashOfIpv4(steering.key, echo) % 128];
    assertEquals(model.receive(echo), true);
    assertEquals(link.received(queue), [[...echo]], `peer ${peer} by queue ${queue}`);
  }
  model.receive(padded(arpFrame()));
  assertEquals(link.received(0).length, 1);
});

Deno.test("two devices have two keys, and a device keeps its own over a reset", () => {
  const [one, other] = [0, 1].map(() => new PairsLink({ pairs: 2, more: VIRTIO_NET_F_RSS }).run(2));
  assertNotEquals(one.driver.steering?.key, other.driver.steering?.key);
  const { key } = one.driver.steering ?? {};
  one.netdev.stop();
  one.netdev.start();
  assertEquals(one.driver.steering?.key, key);
  assertEquals(new Set(one.model.control.commands).size, 1, "told the same");
});

for (const limits of [{ maxKeyBytes: 39 }, { maxTable: 127 }]) {
  Deno.test(`limits that no device may have are refused: ${JSON.stringify(limits)}`, () => {
    const link = new PairsLink({ pairs: 2, more: VIRTIO_NET_F_RSS, ...limits });
    assertEquals(assertThrows(() => link.run(2), NetdevError).code, "EIO");
  });
}

Deno.test("a device that hashes no IPv4 is asked for none", () => {
  const link = new PairsLink({ pairs: 2, more: VIRTIO_NET_F_RSS, hashTypes: 0x1f8 }).run(2);
  assertEquals(link.driver.steering?.hashTypes, 0);
  link.model.receive(echoFrom(9));
  assertEquals(link.received(0).length, 1);
});

for (
  const { name, more, pairs } of [
    { name: "HASH_REPORT alone", more: VIRTIO_NET_F_HASH_REPORT, pairs: 1 },
    { name: "HASH_REPORT and pairs", more: VIRTIO_NET_F_HASH_REPORT, pairs: 2 },
    {
      name: "HASH_REPORT and RSS",
      more: VIRTIO_NET_F_HASH_REPORT | VIRTIO_NET_F_RSS,
      pairs: 2,
    },
    {
      name: "HASH_REPORT and MRG_RXBUF",
      more: VIRTIO_NET_F_HASH_REPORT | VIRTIO_NET_F_MRG_RXBUF,
      pairs: 2,
    },
  ]
) {
  Deno.test(`with ${name} a packet comes with its hash, and is sent with a header of 20 bytes`, () => {
    const link = new PairsLink({ pairs: 2, more }).run(pairs);
    const { model, driver, netdev } = link;
    const { steering } = driver;
    assert(steering !== null);
    const { encapRx, encapTx } = netdev.infoGet();
    assertEquals([encapRx, encapTx], [20, 20]);
    let high = 0;
    for (let peer = 1; peer <= 50; peer++) {
      const echo = echoFrom(peer);
      assertEquals(model.receive(echo), true);
      const [netbuf] = link.burst(model.pair);
      const hash = hashOfIpv4(steering.key, echo);
      assertEquals([netbuf.rxHash >>> 0, netbuf.rxHashType], [hash, 1]);
      assertEquals(netbuf.rxHash, hash | 0, "an int32");
      if (hash >= 2 ** 31) high++;
      assertEquals(packetBytes(netbuf), [...echo]);
      assertEquals(netdev.txBurst(0, [netbuf], 0, 1), 1);
      const { pair } = model;
      model.pair = 0;
      assertEquals(model.transmit(), [
        { header: new Array(20).fill(0), frame: [...echo], pieces: 1 },
      ]);
      model.pair = pair;
      netdev.txqReclaim(0);
    }
    assert(high > 0, "hashes above 2^31 too");
    model.receive(padded(arpFrame()));
    const [arp] = link.burst(model.pair);
    assertEquals([arp.rxHash, arp.rxHashType], [0, 0], "of what isn't IPv4 there's none");
    arp.free();
  });
}
