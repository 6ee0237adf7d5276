import { ENODEV, ENOENT, ErrnoError } from "../../ffi/errno.ts";
import { listSpecial, readSpecial, readSpecialLink, writeSpecial } from "../../ffi/special_file.ts";
import type { PciIdentity } from "../pci_id.ts";

/** What udev(7) chooses modules by: vendor, device, those of the card, class, sub-class, interface. */
const MODALIAS =
  /^pci:v([0-9A-F]{8})d([0-9A-F]{8})sv([0-9A-F]{8})sd([0-9A-F]{8})bc([0-9A-F]{2})sc([0-9A-F]{2})i([0-9A-F]{2})\n?$/;

/** linux/if.h: somebody has set the interface up. */
const IFF_UP = 0x1;

/** A network interface that the kernel has on a card. */
export interface KernelInterface {
  readonly name: string;
  readonly isUp: boolean;
}

/** The kernel's view of the PCI functions of this machine, in sysfs (sysfs-bus-pci). */
export class PciSysfs {
  readonly #root: string;

  /** `root` is where sysfs is mounted. */
  constructor(root = "/sys") {
    this.#root = root;
  }

  /** All functions, by their names: `0000:00:02.0`. */
  names(): readonly string[] {
    return this.#list("bus/pci/devices");
  }

  exists(name: string): boolean {
    return this.identity(name) !== null;
  }

  /** All ids of a function, from the one attribute that has them all; null when it isn't there. */
  identity(name: string): PciIdentity | null {
    return parseModalias(this.#read(this.#of(name, "modalias")) ?? "");
  }

  /** The driver that has a function, or null. */
  driver(name: string): string | null {
    return this.#lastOfLink(this.#of(name, "driver"));
  }

  /** Number of its IOMMU group; null where there's no IOMMU. */
  iommuGroup(name: string): number | null {
    const group = this.#lastOfLink(this.#of(name, "iommu_group"));
    return group === null ? null : Number(group);
  }

  /** All functions of a group. */
  groupMembers(group: number): readonly string[] {
    return this.#list(`kernel/iommu_groups/${group}/devices`);
  }

  /** The kernel's interfaces on a function: its own, or those of a virtio device on it. */
  interfaces(name: string): readonly KernelInterface[] {
    const below = this.#list(this.#of(name, "")).filter((entry) => /^virtio\d+$/.test(entry));
    const folders = ["net", ...below.map((device) => `${device}/net`)];
    return folders.flatMap((folder) =>
      this.#list(this.#of(name, folder)).map((net) => {
        const flags = Number(this.#read(this.#of(name, `${folder}/${net}/flags`)) ?? 0);
        return { name: net, isUp: (flags & IFF_UP) !== 0 };
      })
    );
  }

  /** Whether a driver for PCI functions is loaded. */
  hasDriver(driver: string): boolean {
    return this.#list("bus/pci/drivers").includes(driver);
  }

  /** What the function's driver must be, whatever its ids; null for none in particular. */
  driverOverride(name: string): string | null {
    const text = this.#read(this.#of(name, "driver_override"))?.trim() ?? "";
    return text === "" || text === "(null)" ? null : text;
  }

  /** Says so. `ErrnoError`. */
  setDriverOverride(name: string, driver: string | null): void {
    this.#write(this.#of(name, "driver_override"), driver ?? "\n");
  }

  /** Takes a function from its driver. `ErrnoError`. */
  unbind(name: string): void {
    this.#write(this.#of(name, "driver/unbind"), name);
  }

  /** Has the kernel look for a driver for a function that has none. `ErrnoError`. */
  probe(name: string): void {
    this.#write("bus/pci/drivers_probe", name);
  }

  #of(name: string, attribute: string): string {
    return `bus/pci/devices/${name}/${attribute}`;
  }

  #write(path: string, text: string): void {
    writeSpecial(`${this.#root}/${path}`, text);
  }

  #read(path: string): string | null {
    return this.#ifThere(() => readSpecial(`${this.#root}/${path}`), null);
  }

  #list(path: string): readonly string[] {
    return this.#ifThere(() => listSpecial(`${this.#root}/${path}`), []);
  }

  #lastOfLink(path: string): string | null {
    const target = this.#ifThere(() => readSpecialLink(`${this.#root}/${path}`), null);
    return target?.split("/").at(-1) ?? null;
  }

  #ifThere<T>(act: () => T, otherwise: T): T {
    try {
      return act();
    } catch (error) {
      // The latter from an attribute whose function goes just then.
      const isGone = error instanceof ErrnoError && [ENOENT, ENODEV].includes(error.errno);
      if (isGone) return otherwise;
      throw error;
    }
  }
}

/** Reads an alias such as `pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00`; null for none. */
export function parseModalias(alias: string): PciIdentity | null {
  const found = MODALIAS.exec(alias);
  if (found === null) return null;
  const [vendorId, deviceId, subsystemVendorId, subsystemId, ...classes] = found.slice(1)
    .map((digits) => parseInt(digits, 16));
  const [base, sub, programming] = classes;
  const classCode = base << 16 | sub << 8 | programming;
  return { vendorId, deviceId, subsystemVendorId, subsystemId, classCode };
}
