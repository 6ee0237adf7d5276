import { assert, assertEquals, assertThrows } from "@std/assert";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { MultiqueueNetModel, VIRTIO_NET_F_MQ } from "../../device/multiqueue_net_model.ts";
import { VIRTIO_F_RING_RESET } from "../../device/ring_device.ts";
import { NET_FEATURES, VIRTIO_NET_F_CTRL_VQ } from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { frame } from "./net_link.ts";
import { PairsLink } from "./pairs_link.ts";

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
  const link = new PairsLink({ pairs: 4 }).run(4);
  const { model, netdev, events } = link;
  for (let pair = 0; pair < 4; pair++) assertEquals(netdev.rxqIntrEnable(pair), 0);
  for (const pair of [2, 0, 3, 2]) {
    model.pair = pair;
    model.receive(frame(60, pair));
  }
  assertEquals(events.slice(0, 3), [2, 0, 3]);
  const bytes = (pair: number): number[] => [...frame(60, pair)];
  assertEquals([0, 1, 2, 3].map((pair) => link.received(pair)), [
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
