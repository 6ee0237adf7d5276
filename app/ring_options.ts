import type { RingFormat } from "../drivers/virtio/virtqueue.ts";
import { type DeviceUri, formatDeviceUri } from "./device_uri.ts";
import { type Flag, parseNumber } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

/** Flags that say what rings virtio's cards get. */
export const RING_FLAGS: readonly Flag[] = [
  { name: "ring", value: "split|packed", help: "format of a virtio card's rings (default split)" },
  {
    name: "ring-size",
    value: "N",
    help:
      "entries of each, a power of two if split (default: as many as the card has; vhost-user 1024, mmio 256)",
  },
];

/** What a virtio ring has at most (virtio 1.2 §2.7, §2.8). */
const MOST_ENTRIES = 32768;

/** Entries of a ring of vhost-user, unless others are asked for. */
const VHOST_USER_ENTRIES = 1024;

/** The same where a card is to do with one huge page of memory, whatever rings it would have. */
const MMIO_ENTRIES = 256;

/** The rings of a device. */
export interface RingOptions {
  readonly ring: RingFormat;
  /** 0 for as many entries as the device likes. */
  readonly ringSize: number;
}

/** What devices that aren't virtio's have: nothing to choose. */
const NO_CHOICE: RingOptions = { ring: "split", ringSize: 0 };

/** Whether a device has rings of virtio's. */
function hasVirtioRings(device: DeviceUri): boolean {
  return device.kind === "vhost-user" || device.kind === "vfio" || device.kind === "mmio" ||
    device.kind === "qemu" && device.model.startsWith("virtio-net");
}

/**
 * Reads {@link RING_FLAGS}, which are for those of the devices that are virtio's; for each device its
 * rings. `UsageError` for what no ring can be, or when none of the devices has one.
 */
export function parseRings(
  values: ReadonlyMap<string, string>,
  devices: readonly DeviceUri[],
): readonly RingOptions[] {
  for (const { name } of RING_FLAGS) {
    if (!values.has(name) || devices.some(hasVirtioRings)) continue;
    const [device] = devices;
    const what = device === undefined ? "the hub" : formatDeviceUri(device);
    throw new UsageError(`--${name} is for virtio's cards: ${what} is none`);
  }
  const ring = parseFormat(values.get("ring") ?? "split");
  const size = values.get("ring-size");
  const ringSize = size === undefined
    ? 0
    : parseNumber("--ring-size", size, { min: 2, max: MOST_ENTRIES });
  if (ring === "split" && (ringSize & (ringSize - 1)) !== 0) {
    throw new UsageError(
      `--ring-size=${ringSize}: a power of two is needed; --ring=packed takes any number`,
    );
  }
  return devices.map((device) => {
    if (!hasVirtioRings(device)) return NO_CHOICE;
    return { ring, ringSize: ringSize === 0 ? ownSize(device) : ringSize };
  });
}

/** No back-end of vhost-user says how many entries it likes. */
function ownSize(device: DeviceUri): number {
  if (device.kind === "mmio") return MMIO_ENTRIES;
  return device.kind === "vhost-user" ? VHOST_USER_ENTRIES : 0;
}

/** QEMU's properties of a card, with those that it takes to offer rings of this format. */
export function withRing(model: string, properties: string, ring: RingFormat): string {
  if (ring === "split" || !model.startsWith("virtio-net") || /(^|,)packed=/.test(properties)) {
    return properties;
  }
  return properties === "" ? "packed=on" : `${properties},packed=on`;
}

function parseFormat(text: string): RingFormat {
  if (text === "split" || text === "packed") return text;
  throw new UsageError(`--ring=${text}: split and packed are possible`);
}
