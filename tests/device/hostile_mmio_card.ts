import type { PlatformDevice } from "../../drivers/pci/platform_device.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { probeVirtioMmio, type VirtioMmio } from "../../drivers/virtio/virtio_mmio.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { FakeClock } from "../netdev/fake_clock.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { type CardEnd, isTaken, ofSeed, takeUp } from "./card_end.ts";
import { Liar, LyingRegisters } from "./lying_registers.ts";
import { RecordedWindow } from "./recorded_window.ts";
import { VirtioMmioDevice } from "./virtio_mmio_device.ts";
import { LEGACY_NET_FEATURES, NET_FEATURES, VirtioNetModel } from "./virtio_net_model.ts";

/**
 * A card behind virtio-mmio, of either version, whose registers change from one read to the next as a
 * seed tells. It's taken up as far as it gets, and let go of.
 */
export class HostileMmioCard {
  readonly #seed: number;
  readonly #slot: PlatformDevice;
  readonly #device: VirtioMmioDevice;
  readonly #memory: number;

  constructor(seed: number) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    const liar = new Liar(random);
    const version = 1 + random.below(2);
    const model = new VirtioNetModel({
      features: version === 1 ? LEGACY_NET_FEATURES : NET_FEATURES,
      memoryBytes: 128 << 10,
    });
    const device = this.#device = new VirtioMmioDevice(model, { version });
    this.#memory = device.dma.available;
    const { byteLength } = device.registers;
    const registers = new RecordedWindow(byteLength, new LyingRegisters(liar, device.registers));
    this.#slot = { name: device.name, registers, line: device.line, dma: device.dma };
  }

  /** Takes it up and lets it go. What is no error of a known type, or leaves something behind, throws. */
  run(): CardEnd {
    return ofSeed(this.#seed, () => {
      const end = this.#run();
      const bytes = this.#memory - this.#device.dma.available;
      if (bytes !== 0) throw new Error(`${bytes} bytes of DMA memory are left`);
      if (this.#device.line.connected) throw new Error("the wire is still connected");
      return end;
    });
  }

  #run(): CardEnd {
    const registry = new NetdevRegistry();
    const bus = new VirtioBus(new FakeClock(0, 20));
    bus.registerDriver(virtioNetDriver(registry));
    const transports: VirtioMmio[] = [];
    const isProbed = isTaken(() => void transports.push(...probeVirtioMmio(bus, [this.#slot])));
    if (!isProbed || registry.count() === 0) return "refused on the bus";
    const end = takeUp(registry.get(0), () => void this.#device.interrupt(3));
    for (const transport of transports) {
      isTaken(() => bus.removeDevice(transport));
      transport.shutdown();
    }
    return end;
  }
}
