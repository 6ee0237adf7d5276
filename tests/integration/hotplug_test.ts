import { assert, assertEquals } from "@std/assert";
import { e100Driver } from "../../drivers/e100/e100_pci.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../drivers/virtio/virtio_pci.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { BareHost } from "../drivers/pci/qemu/bare_host.ts";
import { BROADCAST_MAC, ethernetFrame, HOST_MAC } from "../stack/frames.ts";
import { eventually } from "./appliance.ts";
import { type FramePort, StreamPort } from "./frame_port.ts";

const ROUNDS = 5;
const FRAMES_TO_NOBODY = 3000;

const PLACE = { id: "nic", netdev: "nic-port", mac: HOST_MAC, romfile: "" };

/** Cards of both drivers, as QEMU's device_add takes them. */
const CARDS = [
  { ...PLACE, driver: "virtio-net-pci", "disable-legacy": "on" },
  { ...PLACE, driver: "virtio-net-pci", "disable-modern": "on" },
  { ...PLACE, driver: "i82550" },
];

for (const card of CARDS) {
  const legacy = "disable-modern" in card ? "legacy " : "";
  Deno.test(`a ${legacy}${card.driver} comes and goes on a busy network: each one receives, and leaves nothing behind`, () =>
    comesAndGoes(card));
}

async function comesAndGoes(card: typeof CARDS[number]): Promise<void> {
  await using bare = await BareHost.start(card.driver);
  const { bus, host, operator } = bare;
  const registry = new NetdevRegistry();
  const virtioBus = new VirtioBus(monotonicClock);
  virtioBus.registerDriver(virtioNetDriver(registry));
  bus.registerDriver(virtioPciDriver(virtioBus));
  bus.registerDriver(e100Driver(registry, { clock: monotonicClock }));
  let [arrived, removed] = [0, 0];
  host.watchSlots({
    slotsChanged: () => arrived += bus.rescan().arrived.length,
    ejectRequested: (slot) => removed += bus.removeSlot(slot).length,
  });
  const memory = host.dma.available;
  bus.probe();
  const { socket, headerSent } = await connectHub(bare.hub);
  using port = new StreamPort(socket, headerSent);

  for (let round = 0; round < ROUNDS; round++) {
    const netdev = registry.get(round);
    const netbufs = start(netdev);
    assert(await receives(bare, netdev, netbufs, port), `round ${round}: nothing received`);

    operator.execute("device_del", { id: "nic" });
    assert(await bare.until(() => removed === round + 1), `round ${round}: not removed`);
    operator.event("DEVICE_DELETED");
    assertEquals([netdev.state, registry.count()], [NetdevState.INVALID, 0]);
    for (const netbuf of netbufs) netbuf.free();
    assertEquals(host.dma.available, memory, `DMA memory after round ${round}`);

    // The network goes on without it, and holds up nobody.
    const frame = broadcast(1000);
    for (let i = 0; i < FRAMES_TO_NOBODY; i++) port.send(frame);
    await eventually("the hub takes all frames", () => !port.sendPending());

    operator.execute("device_add", card);
    assert(await bare.until(() => arrived === round + 1), `round ${round}: not taken up`);
  }
}

/** Starts a card, and returns the array to receive into. */
function start(netdev: Netdev): Netbuf[] {
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  netdev.rxqConfigure(0, 0, { pool: netdev.poolCreate({ count: 600 }) });
  netdev.txqConfigure(0, 0);
  netdev.start();
  return [];
}

/** Whether a frame that is sent on the network comes in. */
async function receives(
  bare: BareHost,
  netdev: Netdev,
  netbufs: Netbuf[],
  port: FramePort,
): Promise<boolean> {
  port.send(broadcast(46));
  const burst = () => netdev.rxBurst(0, netbufs, 8) > 0;
  return await bare.until(() => burst() || netdev.rxqIntrEnable(0) === 1 && burst());
}

function broadcast(payloadBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    ethernetFrame({ destination: BROADCAST_MAC }, new Uint8Array(payloadBytes)),
  );
}
