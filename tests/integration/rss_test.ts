import { assert, assertEquals, assertGreater } from "@std/assert";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import type { UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { QemuHost } from "../../drivers/pci/qemu/qemu_host.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../drivers/virtio/virtio_pci.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { hashOfIpv4 } from "../device/toeplitz.ts";
import { packetBytes } from "../netdev/packets.ts";
import {} from "../drivers/virtio/net_link.ts";
import { tapTest } from "../linux/network_namespace.ts";
import { packetSocket } from "../linux/packet_socket.ts";
import { arpFrame, echoFrame, HOST_MAC, padded } from "../stack/frames.ts";
import { eventually } from "./appliance.ts";
import { inNamespaceWithLinux, QUEUES, TAP, TAP_NETDEV } from "./multiqueue_tap.ts";

const PEERS = 100;

/** A running card on a TAP interface, polled by the test, and a socket by which frames get to it. */
interface RssCard {
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  readonly socket: UnixSocket;
}

/** A packet as it was received: by which queue, its bytes, and the device's hash of it. */
interface Received {
  readonly queue: number;
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly hashType: number;
}

/** Runs QEMU with these properties of its card, and a test on it. */
async function onCard(
  properties: string,
  test: (card: RssCard) => Promise<void>,
): Promise<void> {
  await inNamespaceWithLinux([], async (linux) => {
    using waiter = new FdWaiter(monotonicClock);
    const nic = {
      model: "virtio-net-pci",
      mac: HOST_MAC,
      mtu: 1500,
      queues: QUEUES,
      properties,
    };
    const options = { nic, netdev: TAP_NETDEV, hub: null, onGone: (): void => {} };
    // QEMU is started before the first wait, and so in the namespace.
    const host = await linux.run(() => QemuHost.start(options, waiter));
    try {
      const { netdev, driver } = running(host);
      using socket = linux.run(() => packetSocket(TAP));
      await test({ netdev, driver, socket });
      netdev.close();
    } finally {
      await host.close();
    }
  });
}

function running(host: QemuHost): { netdev: Netdev; driver: VirtioNet } {
  const registry = new NetdevRegistry();
  const drivers: VirtioNet[] = [];
  const virtioBus = new VirtioBus(monotonicClock);
  virtioBus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver)));
  const bus = new PciBus(host);
  bus.registerDriver(virtioPciDriver(virtioBus));
  bus.probe();
  const netdev = registry.get(0);
  netdev.probe();
  netdev.configure({ rxQueues: QUEUES, txQueues: QUEUES });
  const pool = netdev.poolCreate({ count: 2048 });
  for (let queue = 0; queue < QUEUES; queue++) {
    netdev.rxqConfigure(queue, 0, { pool });
    netdev.txqConfigure(queue, 0);
  }
  netdev.start();
  return { netdev, driver: drivers[0] };
}

/** Sends frames to the card, and waits until all of them are received. */
async function pass(
  { netdev, socket }: RssCard,
  frames: readonly Uint8Array<ArrayBuffer>[],
): Promise<Received[]> {
  const wanted = new Set(frames.map((frame) => frame.join()));
  const received: Received[] = [];
  for (const frame of frames) socket.send(frame);
  const netbufs: Netbuf[] = [];
  await eventually("all frames are received", () => {
    for (let queue = 0; queue < QUEUES; queue++) {
      const count = netdev.rxBurst(queue, netbufs, 64);
      for (const netbuf of netbufs.slice(0, count)) {
        const bytes = Uint8Array.from(packetBytes(netbuf));
        const { rxHash, rxHashType } = netbuf;
        netbuf.free();
        // Linux may have something of its own to say on a new interface.
        if (!wanted.has(bytes.join())) continue;
        received.push({ queue, bytes, hash: rxHash >>> 0, hashType: rxHashType });
      }
    }
    return received.length >= frames.length;
  });
  assertEquals(received.length, frames.length);
  return received;
}

function echoes(): Uint8Array<ArrayBuffer>[] {
  return Array.from(
    { length: PEERS },
    (_, peer) => Uint8Array.from(padded(echoFrame({ from: `10.0.2.${100 + peer}` }))),
  );
}

tapTest("RSS: QEMU spreads addresses over queues by our key and our table", async () => {
  await onCard("rss=on,hash=off", async (card) => {
    const { steering } = card.driver;
    assert(steering !== null);
    const received = await pass(card, echoes());
    for (const { queue, bytes, hashType } of received) {
      const hash = hashOfIpv4(steering.key, bytes);
      assertEquals([queue, hashType], [steering.table[hash % steering.table.length], 0]);
    }
    assertGreater(new Set(received.map(({ queue }) => queue)).size, QUEUES - 1);
    const [arp] = await pass(card, [Uint8Array.from(padded(arpFrame()))]);
    assertEquals(arp.queue, 0, "what isn't hashed");
  });
});

for (const rss of ["on", "off"]) {
  tapTest(`HASH_REPORT: QEMU's hashes are ours, with RSS ${rss}`, async () => {
    await onCard(`rss=${rss},hash=on`, async (card) => {
      const { steering } = card.driver;
      assert(steering !== null);
      assertEquals(card.netdev.infoGet().encapRx, 20);
      for (let round = 0; round < 2; round++) {
        const received = await pass(card, echoes());
        for (const { bytes, hash, hashType } of received) {
          assertEquals([hash, hashType], [hashOfIpv4(steering.key, bytes), 1]);
        }
        const [arp] = await pass(card, [Uint8Array.from(padded(arpFrame()))]);
        assertEquals([arp.hash, arp.hashType], [0, 0]);
        // The key outlives a reset of the card.
        card.netdev.stop();
        card.netdev.start();
      }
    });
  });
}
