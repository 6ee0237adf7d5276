import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { PciError } from "../../drivers/pci/pci_error.ts";
import type { Doorbell } from "../../drivers/pci/pci_host.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../drivers/virtio/virtio_pci.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { FakeClock } from "../netdev/fake_clock.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { FakePciHost } from "./fake_pci_host.ts";
import { RecordedWindow, type Registers, type Width } from "./recorded_window.ts";
import { VirtioNetModel } from "./virtio_net_model.ts";
import { VIRTIO_CAPS, type VirtioCap, VirtioPciFunction } from "./virtio_pci_function.ts";

/** Registers that may be looked at before it's clear that somebody looks for ever. */
const PATIENCE = 100_000;

const SLOT = 2;
const MODERN_BAR = 4;
/** Type 0 header (PCI 3.0 §6.1): what stands before is taken for granted, or is no virtio card. */
const STATUS = 0x06;
const HEADER_TYPE = 0x0e;
const BASE_ADDRESS_0 = 0x10;
const CAPABILITIES_POINTER = 0x34;

/** How far one card came before it was refused. */
export type PciCardEnd = "refused on the bus" | "refused by probe" | "refused by start" | "ran";

/**
 * A card whose configuration space, BARs and registers say what a seed tells: capabilities that run in
 * circles, overlap or lead nowhere, BARs of sizes that can't be, registers that change from one read
 * to the next. It's taken up as far as it gets, and let go of.
 */
export class HostilePciCard {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #model = new VirtioNetModel({ memoryBytes: 128 << 10 });
  readonly #memory = this.#model.dma.available;
  readonly #host = new FakePciHost(undefined, this.#model.region);
  readonly #honest: RecordedWindow;
  /** One register in so many is a lie; 0: none. */
  readonly #lies: number;
  #looks = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const random = this.#random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    this.#lies = [0, 200, 50, 20, 5][random.below(5)];
    const pci = new VirtioPciFunction(this.#host, this.#model, this.#caps());
    this.#honest = pci.window;
    if (random.below(3) === 0) {
      pci.addBar(random.below(2) === 0 ? 0 : 2, {
        byteLength: 16 << random.below(24),
        io: random.below(2) === 0,
        wide: random.below(2) === 0,
        ...random.below(2) === 0 ? {} : { mask: random.int32() },
      });
    }
    for (let changes = [0, 0, 1, 3, 40][random.below(5)]; changes > 0; changes--) {
      const places = [STATUS, HEADER_TYPE, CAPABILITIES_POINTER, 0x40 + random.below(0xc0)];
      pci.space.write(places[random.below(4)], 1, random.below(256));
    }
    // A list of one that leads to itself; a changed byte seldom makes a circle.
    if (random.below(20) === 0) {
      const first = pci.space.read(CAPABILITIES_POINTER, 1);
      pci.space.write(first + 1, 1, first);
    }
    this.#host.plug(SLOT, 0, pci);
    this.#spoil();
  }

  /** Takes it up and lets it go. What is no error of a known type, or leaves something behind, throws. */
  run(): PciCardEnd {
    try {
      const end = this.#run();
      this.#checkClean();
      return end;
    } catch (error) {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      throw new Error(`seed ${this.#seed}: ${message}`, { cause: error });
    }
  }

  #run(): PciCardEnd {
    const registry = new NetdevRegistry();
    const virtioBus = new VirtioBus(new FakeClock(0, 20));
    virtioBus.registerDriver(virtioNetDriver(registry));
    const pciBus = new PciBus(this.#host);
    pciBus.registerDriver(virtioPciDriver(virtioBus));
    if (!isTaken(() => void pciBus.probe()) || registry.count() === 0) return "refused on the bus";
    const netdev = registry.get(0);
    let end: PciCardEnd = "refused by probe";
    if (isTaken(() => netdev.probe())) {
      end = "refused by start";
      if (isTaken(() => start(netdev))) {
        end = "ran";
        this.#use(netdev);
      }
    }
    isTaken(() => void pciBus.removeSlot(SLOT));
    return end;
  }

  /** None of this may throw: it happens in the middle of a loop. */
  #use(netdev: Netdev): void {
    for (const line of [...this.#host.lines]) line.fire();
    netdev.rxBurst(0, [], 8);
    netdev.txqReclaim(0);
    netdev.rxqIntrEnable(0);
    netdev.linkGet();
    netdev.statsGet();
  }

  #checkClean(): void {
    const { lines, bars, doorbells, dma, regions } = this.#host;
    const left = `${lines.length} lines, ${bars.size} BARs, ${doorbells.size} doorbells`;
    if (left !== "0 lines, 0 BARs, 0 doorbells") throw new Error(`${left} are left`);
    const bytes = this.#memory - dma.available;
    if (bytes !== 0) throw new Error(`${bytes} bytes of DMA memory are left`);
    regions.claim(`00:0${SLOT}.0`, "the next one");
  }

  /** Good capabilities, some of them changed, left out or repeated. */
  #caps(): VirtioCap[] {
    const random = this.#random;
    const caps: VirtioCap[] = [];
    const odd = random.below(2) === 0;
    for (const cap of VIRTIO_CAPS) {
      if (odd && random.below(12) === 0) continue;
      for (let times = odd && random.below(6) === 0 ? 2 : 1; times > 0; times--) {
        caps.push(odd && random.below(3) === 0 ? this.#changed(cap) : cap);
      }
    }
    return caps;
  }

  #changed(cap: VirtioCap): VirtioCap {
    const random = this.#random;
    const offset = [0, 0x1000, 0x3ffc, random.below(0x4000), random.int32() >>> 0][random.below(5)];
    const length = [0, 1, 0x38, random.below(0x1000), random.int32() >>> 0][random.below(5)];
    switch (random.below(5)) {
      case 0:
        return { ...cap, offset };
      case 1:
        return { ...cap, length };
      case 2:
        return { ...cap, bar: random.below(8) };
      case 3:
        return { ...cap, capLength: random.below(32) };
      default:
        return cap.multiplier === undefined
          ? { ...cap, type: random.below(256) }
          : { ...cap, multiplier: random.int32() >>> 0 };
    }
  }

  /** Registers, configuration space and what is behind BARs may change from one read to the next. */
  #spoil(): void {
    const host = this.#host;
    const configRead = host.configRead.bind(host);
    host.configRead = (address, offset, width): number => {
      this.#look();
      const value = configRead(address, offset, width);
      const ours = address.device === SLOT && address.function === 0;
      const matters = offset >= CAPABILITIES_POINTER || offset >= BASE_ADDRESS_0 && offset < 0x28;
      return ours && matters && this.#isLie() ? this.#noise(width) : value;
    };
    host.onRing = () => this.#look();
    const doorbell = host.doorbell.bind(host);
    host.doorbell = (bar, offset, value): Doorbell => {
      if (offset + 2 > bar.byteLength) throw new Error(`a doorbell at ${offset} of its BAR`);
      return doorbell(bar, offset, value);
    };
    host.mapBar = (_device, bar): RecordedWindow => {
      const behind = bar.index === MODERN_BAR ? this.#honest : null;
      return new RecordedWindow(bar.byteLength, this.#registers(behind));
    };
  }

  /** Where there's no register, noise is read. */
  #registers(behind: RecordedWindow | null): Registers {
    const read = (offset: number, width: Width): number => {
      this.#look();
      if (behind === null || this.#isLie()) return this.#noise(width);
      try {
        if (width === 1) return behind.read8(offset);
        return width === 2 ? behind.read16(offset) : behind.read32(offset);
      } catch {
        return this.#noise(width);
      }
    };
    const write = (offset: number, width: Width, value: number): void => {
      this.#look();
      try {
        if (width === 1) behind?.write8(offset, value);
        else if (width === 2) behind?.write16(offset, value);
        else behind?.write32(offset, value);
      } catch {
        // What makes no sense to the device is lost.
      }
    };
    return { read, write };
  }

  #isLie(): boolean {
    return this.#lies > 0 && this.#random.below(this.#lies) === 0;
  }

  #noise(width: Width): number {
    const value = this.#random.int32() >>> 0;
    return width === 4 ? value : value % (width === 1 ? 0x100 : 0x1_0000);
  }

  #look(): void {
    if (++this.#looks > PATIENCE) throw new Error(`registers are looked at ${PATIENCE} times`);
  }
}

/** Configures it with a queue each way, and starts it. */
function start(netdev: Netdev): void {
  if (netdev.state !== NetdevState.UNCONFIGURED) throw new Error("it's not probed");
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: 16, stride: 2048 });
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
}

/** Whether it went well; an error that isn't one of a device goes on. */
function isTaken(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    const known = error instanceof PciError || error instanceof VirtioError ||
      error instanceof NetdevError;
    if (!known) throw error;
    return false;
  }
}
