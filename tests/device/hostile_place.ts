import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { PCI_COMMAND, PCI_COMMAND_MASTER } from "../../drivers/pci/registers.ts";
import type { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { VirtioMmio } from "../../drivers/virtio/virtio_mmio.ts";
import { virtioPciDriver } from "../../drivers/virtio/virtio_pci.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { SeededRandom } from "../stack/seeded_random.ts";
import { FakePciHost } from "./fake_pci_host.ts";
import type { HostileCard } from "./hostile_card.ts";
import { VirtioMmioDevice } from "./virtio_mmio_device.ts";
import { VirtioPciFunction } from "./virtio_pci_function.ts";
import { VirtioPciLegacyFunction } from "./virtio_pci_legacy_function.ts";

/** Ways to reach a card. The first is none of the driver's transports, but calls of the model itself. */
export const WAYS = ["model", "pci modern", "pci legacy", "mmio v2", "mmio v1"] as const;

/** One of them. */
export type Way = typeof WAYS[number];

/** Ways on which devices are from before virtio 1.0. */
const LEGACY_WAYS: readonly Way[] = ["pci legacy", "mmio v1"];

const SLOT = 2;

/** What there is of MSI-X vectors and pins: one for each rung of the ladder, and a last one that leads to none. */
const RUNGS: readonly (readonly [vectors: number, pins: boolean])[] = [
  [Infinity, true],
  [2, true],
  [0, true],
  [0, false],
  [Infinity, false],
];

/** Whether a way is that of legacy devices. */
export function isLegacy(way: Way): boolean {
  return LEGACY_WAYS.includes(way);
}

/** Any of the ways on which there are rings of this format. */
export function anyWay(random: SeededRandom, ring: RingFormat): Way {
  const ways = ring === "split" ? WAYS : WAYS.filter((way) => !isLegacy(way));
  return ways[random.below(ways.length)];
}

/** Where a hostile card is plugged in. */
export interface HostilePlace {
  /** What the driver takes memory from. */
  readonly dma: DmaArena;
  /** Puts the card on the bus, and has it taken up. */
  plug(): void;
  /** Has the driver let go of it. */
  unplug(): void;
  /** Pulls it out. */
  pull(): void;
  /** Throws when something of the bus wasn't given back. */
  checkClean(): void;
}

/** A place that is reached by `way`, and interrupts by any rung of the ladder that is to be had there. */
export function hostilePlace(
  way: Way,
  card: HostileCard,
  bus: VirtioBus,
  random: SeededRandom,
): HostilePlace {
  switch (way) {
    case "model":
      return modelPlace(card, bus, random);
    case "mmio v1":
      return mmioPlace(card, bus, 1, random.below(3) > 0);
    case "mmio v2":
      return mmioPlace(card, bus, 2, random.below(3) > 0);
    case "pci modern":
    case "pci legacy":
      return pciPlace(card, bus, way === "pci legacy", random);
  }
}

function modelPlace(card: HostileCard, bus: VirtioBus, random: SeededRandom): HostilePlace {
  card.onStray = () => card.interrupt(random.below(card.queues.length));
  return {
    dma: card.dma,
    plug: () => bus.addDevice(card),
    unplug: () => bus.removeDevice(card),
    pull: () => card.go(),
    checkClean: () => {},
  };
}

function mmioPlace(
  card: HostileCard,
  bus: VirtioBus,
  version: number,
  wired: boolean,
): HostilePlace {
  const device = new VirtioMmioDevice(card, { version });
  const transport = new VirtioMmio(device, wired);
  const shutdown = transport.shutdown.bind(transport);
  // Nothing takes a card's access to memory away here. It has none by custom.
  transport.shutdown = () => {
    shutdown();
    card.cut();
  };
  card.onPin = (status) => {
    device.registers.accesses.length = 0;
    device.interrupt(status);
  };
  card.onStray = card.onPin;
  return {
    dma: card.dma,
    plug: () => bus.addDevice(transport),
    unplug: () => {
      bus.removeDevice(transport);
      transport.shutdown();
    },
    pull: () => card.go(),
    checkClean: () => {
      if (device.line.connected) throw new Error("the wire is still connected");
    },
  };
}

function pciPlace(
  card: HostileCard,
  virtioBus: VirtioBus,
  legacy: boolean,
  random: SeededRandom,
): HostilePlace {
  const { region } = card.dma;
  const host = new FakePciHost(undefined, region);
  [host.msixVectors, host.hasPins] = RUNGS[random.below(RUNGS.length)];
  const pci = legacy ? new VirtioPciLegacyFunction(host, card) : new VirtioPciFunction(host, card);
  const configWrite = host.configWrite.bind(host);
  host.configWrite = (address, offset, width, value) => {
    configWrite(address, offset, width, value);
    if (offset === PCI_COMMAND && (value & PCI_COMMAND_MASTER) === 0) card.cut();
  };
  const bus = new PciBus(host);
  bus.registerDriver(virtioPciDriver(virtioBus));
  card.onPin = (isr) => {
    pci.window.accesses.length = host.rings.length = 0;
    // With MSI-X on there are no interrupts on the pin (PCI 3.0 §6.8.3.3).
    if (host.lines.length === 0) pci.pin(isr);
  };
  card.onStray = (isr) => {
    for (const line of [...host.lines]) line.fire();
    pci.pin(isr);
  };
  return {
    dma: host.dma,
    plug: () => {
      host.plug(SLOT, 0, pci);
      bus.probe();
    },
    unplug: () => void bus.removeSlot(SLOT),
    pull: () => {
      host.unplug(SLOT, 0);
      card.go();
    },
    checkClean: () => {
      const { lines, intx, bars, doorbells } = host;
      const left = lines.length + intx.size + bars.size + doorbells.size;
      if (left > 0) throw new Error(`${left} lines, pins, BARs and doorbells are not given back`);
      host.regions.claim(`00:0${SLOT}.0`, "the next one");
    },
  };
}
