import { EACCES, EPERM, EROFS, ErrnoError } from "../../ffi/errno.ts";
import type { PciSysfs } from "./pci_sysfs.ts";
import { VfioError } from "./vfio_error.ts";
import { notViable } from "./vfio_group.ts";

/** The kernel's driver that hands a function to a process. */
export const VFIO_PCI = "vfio-pci";

/** Drivers that may have other functions of a group, as they have no memory written to. */
const HARMLESS = [VFIO_PCI, "pci-stub", "pcieport"];

/** A function that vfio-pci has. */
export interface VfioBinding {
  /** Number of its IOMMU group. */
  readonly group: number;
  /** Gives it back to the driver it had. Nothing for one that vfio-pci had before. */
  restore(): void;
  /** Once the kernel has taken it: lets any driver have it again. Nothing for one that's gone. */
  forget(): void;
}

/** How a function was before it was vfio-pci's. */
interface Before {
  readonly driver: string | null;
  readonly override: string | null;
}

/** Has vfio-pci take functions, and knows which ones it has taken for us. */
export class VfioBinder {
  readonly #sysfs: PciSysfs;
  /** What was to be the driver of those before, and which one it was; by name. */
  readonly #before = new Map<string, Before>();

  constructor(sysfs: PciSysfs) {
    this.#sysfs = sysfs;
  }

  /**
   * Has vfio-pci take a function, if it hasn't yet. `VfioError` when it can't be had; nothing has changed
   * then.
   */
  bind(name: string): VfioBinding {
    const sysfs = this.#sysfs;
    if (!sysfs.exists(name)) {
      throw new VfioError(`${name} isn't there: lspci -D shows what is`);
    }
    const group = sysfs.iommuGroup(name);
    if (group === null) {
      throw new VfioError(
        `${name} is behind no IOMMU: switch that on in the firmware (VT-d, AMD-Vi), and boot Linux ` +
          "with intel_iommu=on where it's Intel's",
      );
    }
    const others = heldOthers(sysfs, name, group);
    if (others !== null) throw new VfioError(`${name}: ${notViable(group, others)}`);
    if (sysfs.driver(name) !== VFIO_PCI) this.#take(name);
    return { group, restore: () => this.#giveBack(name), forget: () => this.#forget(name) };
  }

  /**
   * For a function that has just come: has vfio-pci take it as soon as the kernel offers it to drivers.
   * Nothing when one has it already.
   */
  expect(name: string): void {
    if (this.#sysfs.driver(name) !== null) return;
    quietly(() => this.#claim(name));
  }

  #take(name: string): void {
    const sysfs = this.#sysfs;
    refuseInUse(sysfs, name);
    if (!sysfs.hasDriver(VFIO_PCI)) {
      throw new VfioError(`${VFIO_PCI} isn't loaded: load it with modprobe ${VFIO_PCI}`);
    }
    try {
      this.#claim(name);
    } catch (error) {
      quietly(() => this.#giveBack(name));
      throw whyNotBound(name, error);
    }
    if (sysfs.driver(name) === VFIO_PCI) return;
    quietly(() => this.#giveBack(name));
    throw new VfioError(`${VFIO_PCI} doesn't take ${name}: dmesg says why`);
  }

  #claim(name: string): void {
    const sysfs = this.#sysfs;
    const driver = sysfs.driver(name);
    this.#before.set(name, { driver, override: sysfs.driverOverride(name) });
    sysfs.setDriverOverride(name, VFIO_PCI);
    if (driver !== null) sysfs.unbind(name);
    sysfs.probe(name);
  }

  #giveBack(name: string): void {
    const sysfs = this.#sysfs;
    const before = this.#before.get(name);
    this.#before.delete(name);
    // It may have been taken out, or been vfio-pci's before we came.
    if (before === undefined || !sysfs.exists(name)) return;
    sysfs.setDriverOverride(name, before.override);
    if (sysfs.driver(name) === VFIO_PCI) sysfs.unbind(name);
    if (before.driver !== null && sysfs.driver(name) === null) sysfs.probe(name);
  }

  #forget(name: string): void {
    const before = this.#before.get(name);
    this.#before.delete(name);
    if (before === undefined || !this.#sysfs.exists(name)) return;
    quietly(() => this.#sysfs.setDriverOverride(name, before.override));
  }
}

/** In words, the functions of a group beside this one that a driver has which may use them; or null. */
export function heldOthers(sysfs: PciSysfs, name: string, group: number): string | null {
  const held: string[] = [];
  for (const other of sysfs.groupMembers(group)) {
    if (other === name) continue;
    const driver = sysfs.driver(other);
    if (driver !== null && !HARMLESS.includes(driver)) held.push(`${driver} has ${other} of it`);
  }
  return held.length === 0 ? null : held.join(", ");
}

/** The kernel's interfaces on a function that are in use. */
export function interfacesUp(sysfs: PciSysfs, name: string): readonly string[] {
  return sysfs.interfaces(name).filter(({ isUp }) => isUp).map((net) => net.name);
}

function refuseInUse(sysfs: PciSysfs, name: string): void {
  const [used] = interfacesUp(sysfs, name);
  if (used === undefined) return;
  throw new VfioError(
    `${name} is in use: it's the kernel's interface ${used}, which is up; ` +
      `if it can be spared: ip link set ${used} down`,
  );
}

/** Where what went wrong before is what matters, or nothing does. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // It's as it's been left.
  }
}

function whyNotBound(name: string, error: unknown): unknown {
  if (!(error instanceof ErrnoError)) return error;
  const why = [EACCES, EPERM, EROFS].includes(error.errno)
    ? `only root may do that: run this as root, or have root bind it first`
    : `${error.message}; dmesg may say why`;
  return new VfioError(`${name} can't be bound to ${VFIO_PCI}: ${why}`, { cause: error });
}
