import type { PciId } from "../pci/pci_id.ts";

const INTEL = 0x8086;

/** Network controller, Ethernet; of any programming interface (PCI class codes). */
const ETHERNET_CLASS = 0x02_0000;
const CLASS_AND_SUBCLASS = 0xff_ff00;

/** What the driver wants to know of a row. */
export interface E100Data {
  /** ICH whose LAN controller it is, or 0 for a chip of its own. */
  readonly ich: number;
}

/** Device ids, by ICH: those of chips, and those that the same controller has in a chipset. */
const DEVICES: readonly (readonly [ich: number, from: number, to: number])[] = [
  [0, 0x1229, 0x1229], // 82557, 82558, 82559, 82550, 82551
  [0, 0x1209, 0x1209], // 82551IT, 82559ER
  [0, 0x1029, 0x1030],
  [0, 0x1059, 0x1059],
  [2, 0x2449, 0x2449],
  [2, 0x2459, 0x2459],
  [2, 0x245d, 0x245d],
  [3, 0x1031, 0x1034],
  [3, 0x1038, 0x1038],
  [4, 0x1039, 0x103e],
  [5, 0x1050, 0x1057],
  [6, 0x1064, 0x106b],
  [7, 0x1091, 0x1095],
  [7, 0x10fe, 0x10fe],
  [7, 0x27dc, 0x27dc],
];

/** The controllers that the driver takes up. */
export const E100_IDS: readonly PciId<E100Data>[] = DEVICES.flatMap(([ich, from, to]) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    vendorId: INTEL,
    deviceId: from + i,
    classCode: ETHERNET_CLASS,
    classMask: CLASS_AND_SUBCLASS,
    driverData: { ich },
  }))
);
