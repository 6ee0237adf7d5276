import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import {
  MultiqueueNetModel,
  type MultiqueueNetModelOptions,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_RSS,
} from "../../device/multiqueue_net_model.ts";
import { VIRTIO_F_RING_RESET } from "../../device/ring_device.ts";
import { hashOfIpv4, toeplitz } from "../../device/toeplitz.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MRG_RXBUF,
} from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { burstOf, packetOf, receivedBy } from "../../netdev/packets.ts";
import { arpFrame, echoFrame, padded } from "../../stack/frames.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { frame } from "./net_link.ts";

/** A card with pairs of queues and its driver, probed; `run` starts it with some of them. */
class PairsLink {
  readonly model: MultiqueueNetModel;
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  /** Receive queues that have interrupted, in order; and failures. */
  readonly events: (number | string)[] = [];
  #pool: NetbufPool | null = null;

  constructor(options: MultiqueueNetModelOptions) {
    this.model = new MultiqueueNetModel(options);
    const registry = new NetdevRegistry();
    const drivers: VirtioNet[] = [];
    const bus = new VirtioBus(new FakeClock(0, 1));
    bus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), {
      onFailure: (reason) => this.events.push(reason),
    }));
    bus.addDevice(this.model);
    this.netdev = registry.get(0);
    this.driver = drivers[0];
    this.netdev.probe();
  }

  get pool(): NetbufPool {
    assert(this.#pool !== null);
    return this.#pool;
  }

  run(pairs: number): this {
    const { netdev } = this;
    netdev.configure({ rxQueues: pairs, txQueues: pairs });
    const pool = this.#pool = netdev.poolCreate({ count: 16 * pairs + 16 });
    for (let pair = 0; pair < pairs; pair++) {
      netdev.rxqConfigure(pair, 0, { pool, onEvent: (queue) => this.events.push(queue) });
      netdev.txqConfigure(pair, 0);
    }
    netdev.start();
    return this;
  }

  burst(queue: number): Netbuf[] {
    return burstOf(this.netdev, 64, queue);
  }

  received(queue: number): number[][] {
    return receivedBy(this.netdev, 64, queue);
  }

  packet(bytes: Uint8Array): Netbuf {
    return packetOf(this.pool, bytes);
  }
}

Deno.test("a card has as many queues each way as it has pairs, up to 16", () => {
  for (const [pairs, queues] of [[1, 1], [3, 3], [16, 16], [20, 16]]) {
    const { netdev } = new PairsLink({ pairs });
    const { maxRxQueues, maxTxQueues } = netdev.infoGet();
    assertEquals([maxRxQueues, maxTxQueues], [queues, queues]);
  }
});

Deno.test("without MQ a card has one pair, whatever its configuration says", () => {
  const link = new PairsLink({ pairs: 4 });
  assertEquals(link.netdev.infoGet().maxRxQueues, 4);
  const model = new MultiqueueNetModel({ pairs: 4 });
  model.features = NET_FEATURES;
  const registry = new NetdevRegistry();
  const bus = new VirtioBus(new FakeClock(0, 1));
  bus.registerDriver(virtioNetDriver(registry));
  bus.addDevice(model);
  registry.get(0).probe();
  assertEquals(registry.get(0).infoGet().maxRxQueues, 1);
  assertEquals(model.accepted & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_VQ), 0n);
});

for (const claimedPairs of [0, 0x8001, 0xffff]) {
  Deno.test(`a card that claims ${claimedPairs} pairs is refused, and told that it failed`, () => {
    const { code, message } = assertThrows(
      () => new PairsLink({ pairs: 2, claimedPairs }),
      NetdevError,
    );
    assertEquals([code, message], [
      "EIO",
      `model has ${claimedPairs} pairs of queues: 1 to 32768 can be`,
    ]);
  });
}

Deno.test("a card that claims more pairs than it has queues is refused when they're set up", () => {
  const link = new PairsLink({ pairs: 2, claimedPairs: 4 });
  assertEquals(link.netdev.infoGet().maxRxQueues, 4);
  assertEquals(assertThrows(() => link.run(4), NetdevError).code, "EIO");
});

Deno.test("virtio has its queues in pairs, and no other numbers", () => {
  const { netdev } = new PairsLink({ pairs: 2 });
  const { code, message } = assertThrows(
    () => netdev.configure({ rxQueues: 2, txQueues: 1 }),
    NetdevError,
  );
  assertEquals([code, message], [
    "EINVAL",
    "2 receive and 1 transmit queues: virtio has them in pairs",
  ]);
});

Deno.test("the pairs in use are set up, the control queue stands behind all of them, and the device is told", () => {
  const { model } = new PairsLink({ pairs: 4 }).run(3);
  assertEquals(
    model.calls.filter((call) => call.startsWith("queue")),
    ["0", "1", "2", "3", "4", "5", "8"].map((index) => `queue ${index}`),
  );
  assertEquals(model.control.commands, ["4.0 0300"]);
  assertEquals(model.ring(8).size, 16, "its own size");
  assertEquals(model.pairsInUse, 3);
  const driverOk = model.calls.indexOf("status 15");
  const kicks = model.calls.flatMap((call, i) => call.startsWith("kick") ? [i] : []);
  assert(driverOk >= 0 && kicks.every((i) => i > driverOk), model.calls.join());
  assertEquals(model.calls[kicks[0]], "kick 8", "told of its pairs before it gets to work");
});

Deno.test("of a single pair the device isn't told, as it has one by itself", () => {
  const { model } = new PairsLink({ pairs: 4 }).run(1);
  assertEquals(model.control.commands, []);
});

Deno.test("a device that refuses its pairs can't be started, and says what it refused", () => {
  const link = new PairsLink({ pairs: 2 });
  link.model.control.script = { answer: () => 1 };
  const { code, message } = assertThrows(() => link.run(2), NetdevError);
  assertEquals([code, message], ["EIO", "model refused control command 4.0"]);
  assertEquals(link.pool.available, link.pool.size, "all netbufs are back");
});

Deno.test("each pair receives and sends by its own rings, interrupts for itself, and counts for itself", () => {
  const { model, netdev, events, ...link } = linked(4);
  for (let pair = 0; pair < 4; pair++) assertEquals(netdev.rxqIntrEnable(pair), 0);
  for (const pair of [2, 0, 3, 2]) {
    model.pair = pair;
    model.receive(frame(60, pair));
  }
  assertEquals(events.slice(0, 3), [2, 0, 3]);
  const bytes = (pair: number): number[] => [...frame(60, pair)];
  assertEquals([0, 1, 2, 3].map(link.received), [
    [bytes(0)],
    [],
    [bytes(2), bytes(2)],
    [bytes(3)],
  ]);
  assertEquals(netdev.txBurst(1, [link.packet(frame(70, 1))], 0, 1), 1);
  model.pair = 1;
  assertEquals(model.transmit().map((sent) => sent.frame), [[...frame(70, 1)]]);
  const { rxPackets, txPackets, rxQueues, txQueues } = netdev.statsGet();
  assertEquals([rxPackets, txPackets], [4, 1]);
  assertEquals(rxQueues.map(({ packets }) => packets), [1, 0, 2, 1]);
  assertEquals(rxQueues.map(({ interrupts }) => interrupts > 0), [true, false, true, true]);
  assertEquals(txQueues.map(({ packets }) => packets), [0, 1, 0, 0]);
});

/** A running link as plain values, for a test that has many of them. */
function linked(pairs: number): {
  readonly model: MultiqueueNetModel;
  readonly netdev: Netdev;
  readonly events: (number | string)[];
  readonly received: (queue: number) => number[][];
  readonly packet: (bytes: Uint8Array) => Netbuf;
} {
  const link = new PairsLink({ pairs }).run(pairs);
  const { model, netdev, events } = link;
  return {
    model,
    netdev,
    events,
    received: (queue) => link.received(queue),
    packet: (bytes) => link.packet(bytes),
  };
}

Deno.test("after a stop and a start the device is told again, and no netbuf is lost", () => {
  const link = new PairsLink({ pairs: 2 }).run(2);
  const { model, netdev, pool } = link;
  model.pair = 1;
  model.receive(frame(60));
  netdev.stop();
  assertEquals(pool.available, pool.size);
  netdev.start();
  assertEquals(model.control.commands, ["4.0 0200", "4.0 0200"]);
  model.pair = 1;
  model.receive(frame(61, 5));
  assertEquals(link.received(1), [[...frame(61, 5)]]);
});

Deno.test("a device that comes back with other pairs is another", () => {
  const { model, netdev } = new PairsLink({ pairs: 2 }).run(2);
  netdev.stop();
  model.config[8] = 1;
  const { code, message } = assertThrows(() => netdev.start(), NetdevError);
  assertEquals([code, message], [
    "EIO",
    "model came back another after a reset: its maxPairs was 2 and is 1",
  ]);
});

Deno.test("a broken ring is told with its number, and the other queues go on", () => {
  const link = new PairsLink({ pairs: 2 }).run(2);
  const { model, netdev, events } = link;
  model.ring(2).put(7777, 60);
  model.ring(2).show();
  assertEquals(netdev.rxBurst(1, [], 64), 0);
  assertEquals(events, ["model broke the receive queue 1: its used ring is nonsense"]);
  model.pair = 0;
  model.receive(frame(60));
  assertEquals(link.received(0).length, 1);
});

Deno.test("the memory of pairs and of the control queue is given back, and can be used anew", () => {
  const link = new PairsLink({ pairs: 4 });
  for (let round = 0; round < 40; round++) {
    link.run(1 + round % 4);
    link.netdev.reset();
  }
  link.netdev.close();
});

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

Deno.test("of several transmit queues only the one that stands still is reset", () => {
  const link = new PairsLink({ pairs: 4, more: VIRTIO_F_RING_RESET }).run(4);
  const { model, netdev } = link;
  netdev.watchdog(0);
  const lent = [0, 2].map((queue) => {
    netdev.txBurst(queue, [link.packet(frame(60 + queue)), link.packet(frame(80))], 0, 2);
    model.pair = queue;
    return model.takeTransmit();
  });
  for (let look = 1; look <= 4; look++) {
    model.pair = 0;
    if (look % 2 === 0) model.completeTransmit(lent[0].splice(0, 1));
    netdev.watchdog(2000 * look);
  }
  assertEquals(model.calls.filter((call) => call.startsWith("reset queue")), ["reset queue 5"]);
  const drops = netdev.statsGet().txQueues.map((queue) => queue.drops.tx_timeout);
  assertEquals([drops, link.events], [[0, 0, 2, 0], []]);
  netdev.txBurst(2, [link.packet(frame(90))], 0, 1);
  model.pair = 2;
  assertEquals(model.transmit().map((sent) => sent.frame.length), [90]);
  netdev.close();
  assertEquals(link.pool.available, link.pool.size);
});
