import { PciBus } from "../../drivers/pci/pci_bus.ts";
import type { Doorbell } from "../../drivers/pci/pci_host.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../drivers/virtio/virtio_pci.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { FakeClock } from "../netdev/fake_clock.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { type CardEnd, isTaken, ofSeed, takeUp } from "./card_end.ts";
import { FakePciHost } from "./fake_pci_host.ts";
import { Liar, LyingRegisters } from "./lying_registers.ts";
import { RecordedWindow } from "./recorded_window.ts";
import { LEGACY_NET_FEATURES, NET_FEATURES, VirtioNetModel } from "./virtio_net_model.ts";
import { VIRTIO_CAPS, type VirtioCap, VirtioPciFunction } from "./virtio_pci_function.ts";
import { VirtioPciLegacyFunction } from "./virtio_pci_legacy_function.ts";

const SLOT = 2;
const MODERN_BAR = 4;
const LEGACY_BAR = 0;
/** Type 0 header (PCI 3.0 §6.1): what stands before is taken for granted, or is no virtio card. */
const STATUS = 0x06;
const HEADER_TYPE = 0x0e;
const BASE_ADDRESS_0 = 0x10;
const CAPABILITIES_POINTER = 0x34;

/**
 * A card whose configuration space, BARs and registers say what a seed tells: capabilities that run in
 * circles, overlap or lead nowhere, BARs of sizes that can't be, registers that change from one read
 * to the next. One in three is legacy. It's taken up as far as it gets, and let go of.
 */
export class HostilePciCard {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #legacy: boolean;
  readonly #host: FakePciHost;
  readonly #memory: number;
  readonly #honest: RecordedWindow;
  readonly #liar: Liar;

  constructor(seed: number) {
    this.#seed = seed;
    const random = this.#random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    this.#liar = new Liar(random);
    const legacy = this.#legacy = random.below(3) === 0;
    const model = new VirtioNetModel({
      features: legacy ? LEGACY_NET_FEATURES : NET_FEATURES,
      memoryBytes: 128 << 10,
    });
    const host = this.#host = new FakePciHost(undefined, model.region);
    this.#memory = host.dma.available;
    const pci = legacy
      ? new VirtioPciLegacyFunction(host, model)
      : new VirtioPciFunction(host, model, this.#caps());
    this.#honest = pci.window;
    if (random.below(3) === 0) {
      pci.addBar(random.below(2) === 0 && !legacy ? 0 : 2, {
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
      if (first > 0) pci.space.write(first + 1, 1, first);
    }
    this.#host.plug(SLOT, 0, pci);
    this.#spoil();
  }

  /** Takes it up and lets it go. What is no error of a known type, or leaves something behind, throws. */
  run(): CardEnd {
    return ofSeed(this.#seed, () => {
      const end = this.#run();
      this.#checkClean();
      return end;
    });
  }

  #run(): CardEnd {
    const registry = new NetdevRegistry();
    const virtioBus = new VirtioBus(new FakeClock(0, 20));
    virtioBus.registerDriver(virtioNetDriver(registry));
    const pciBus = new PciBus(this.#host);
    pciBus.registerDriver(virtioPciDriver(virtioBus));
    if (!isTaken(() => void pciBus.probe()) || registry.count() === 0) return "refused on the bus";
    const end = takeUp(registry.get(0), () => {
      for (const line of [...this.#host.lines, ...this.#host.intx.values()]) line.fire();
    });
    isTaken(() => void pciBus.removeSlot(SLOT));
    return end;
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
      this.#liar.look();
      const value = configRead(address, offset, width);
      const ours = address.device === SLOT && address.function === 0;
      const matters = offset >= CAPABILITIES_POINTER || offset >= BASE_ADDRESS_0 && offset < 0x28;
      return ours && matters && this.#liar.isLie() ? this.#liar.noise(width) : value;
    };
    host.onRing = () => this.#liar.look();
    const doorbell = host.doorbell.bind(host);
    host.doorbell = (bar, offset, value): Doorbell => {
      if (offset + 2 > bar.byteLength) throw new Error(`a doorbell at ${offset} of its BAR`);
      return doorbell(bar, offset, value);
    };
    host.mapBar = (_device, bar): RecordedWindow => {
      const ours = this.#legacy ? LEGACY_BAR : MODERN_BAR;
      const behind = bar.index === ours ? this.#honest : null;
      return new RecordedWindow(bar.byteLength, new LyingRegisters(this.#liar, behind));
    };
  }
}
