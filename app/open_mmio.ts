import { keepLockedPagesInPlace, letHugePagesBeMade } from "../drivers/mmio/kernel_settings.ts";
import { allocatePhysicalMemory } from "../drivers/mmio/physical_memory.ts";
import type { PhysicalRegion } from "../drivers/mmio/physical_region.ts";
import { mapPhysical } from "../drivers/mmio/physical_window.ts";
import { PLACE_BYTES, readVirtioPlaces } from "../drivers/mmio/places.ts";
import { VirtioMmio, virtioMmioType } from "../drivers/virtio/virtio_mmio.ts";
import { VIRTIO_DEVICE_TYPE_NET } from "../drivers/virtio/virtio_net.ts";
import type { Clock } from "../netdev/clock.ts";
import { DmaArena } from "../netdev/dma_arena.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import { cardMemoryBytes } from "./card_memory.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { MmioUri } from "./device_uri.ts";
import { openSoleCard } from "./sole_card.ts";

/** The control queue, and what each ring leaves unused to begin at a page. */
const CONTROL_BYTES = 64 * 1024;

/**
 * Takes up a virtio network card of this machine by its registers, with memory that no IOMMU translates
 * for. Linux gives no interrupt of such a card to a process, so it's polled. `NetdevError` with what to
 * do when there's no card, no memory, or no permission.
 */
export function openMmio(
  { address }: MmioUri,
  config: DeviceConfig,
  clock: Clock,
): OpenDevice {
  using stack = new DisposableStack();
  const place = address ?? findCard(readVirtioPlaces());
  const name = `mmio ${hex(place)}`;
  const { registers } = stack.use(mapPhysical(place, PLACE_BYTES));
  refuseOther(name, virtioMmioType(registers));
  const memory = stack.use(takeMemory(CONTROL_BYTES + cardMemoryBytes(config)));
  const dma = new DmaArena(memory, 0);
  return openSoleCard(new VirtioMmio({ name, registers, line: null, dma }), config, clock, stack);
}

/** Memory that stays where it is. The machine is the appliance's: so are its kernel's settings. */
function takeMemory(byteLength: number): PhysicalRegion {
  keepLockedPagesInPlace();
  using _made = letHugePagesBeMade();
  return allocatePhysicalMemory(byteLength);
}

/** The first of these places that has a network card. `NetdevError("ENODEV")` when none has. */
function findCard(places: readonly number[]): number {
  for (const place of places) {
    using mapped = mapPhysical(place, PLACE_BYTES);
    if (virtioMmioType(mapped.registers) === VIRTIO_DEVICE_TYPE_NET) return place;
  }
  throw new NetdevError(
    "ENODEV",
    `no virtio network card from ${hex(Math.min(...places))} to ${hex(Math.max(...places))}: ` +
      "give --device=mmio:ADDRESS if it's elsewhere",
  );
}

function refuseOther(name: string, type: number): void {
  if (type === VIRTIO_DEVICE_TYPE_NET) return;
  const what = type === 0 ? "is no virtio device" : `is a virtio device of type ${type}`;
  throw new NetdevError(
    "ENODEV",
    `${name} ${what}, where a network card is wanted: --device=mmio without an address finds one`,
  );
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
