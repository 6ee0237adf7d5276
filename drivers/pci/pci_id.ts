import type { PciDevice } from "./pci_device.ts";

/** In an id table: any value will do. */
export const PCI_ANY_ID = -1;

/** One row of a driver's id table. */
export interface PciId<Data> {
  /** {@link PCI_ANY_ID} for any, here and in the three below. */
  readonly vendorId: number;
  readonly deviceId: number;
  /** The card's maker and model, where the chip's ids don't tell enough; default any. */
  readonly subvendorId?: number;
  readonly subdeviceId?: number;
  /** Class, sub-class and programming interface as 0xCCSSPP, of which `classMask` counts. */
  readonly classCode?: number;
  /** Bits of the class that must be equal; default all 24 when there is a `classCode`. */
  readonly classMask?: number;
  /** What the driver wants to know of those that match: it's handed to its probe. */
  readonly driverData: Data;
}

/** What a function says of itself, by which tables are searched. */
export type PciIdentity = Pick<
  PciDevice,
  "vendorId" | "deviceId" | "subsystemVendorId" | "subsystemId" | "classCode"
>;

const WHOLE_CLASS = 0xff_ffff;

/** The first row that a function matches, or null. */
export function matchPciId<Data>(
  ids: readonly PciId<Data>[],
  device: PciIdentity,
): PciId<Data> | null {
  return ids.find((id) => matches(id, device)) ?? null;
}

function matches(id: PciId<unknown>, device: PciIdentity): boolean {
  return same(id.vendorId, device.vendorId) && same(id.deviceId, device.deviceId) &&
    same(id.subvendorId, device.subsystemVendorId) && same(id.subdeviceId, device.subsystemId) &&
    sameClass(id, device.classCode);
}

function same(wanted: number = PCI_ANY_ID, value: number): boolean {
  return wanted === PCI_ANY_ID || wanted === value;
}

function sameClass({ classCode, classMask }: PciId<unknown>, value: number): boolean {
  if (classCode === undefined) return true;
  return ((classCode ^ value) & (classMask ?? WHOLE_CLASS)) === 0;
}
