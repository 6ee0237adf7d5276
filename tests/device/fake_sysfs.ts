import { cString, libc } from "../../drivers/ffi/libc.ts";
import { PciSysfs } from "../../drivers/pci/vfio/pci_sysfs.ts";

/** A function as sysfs shows it. */
export interface FakeSysfsFunction {
  readonly vendor?: number;
  readonly device?: number;
  readonly subsystemDevice?: number;
  readonly classCode?: number;
  /** Null: there's no IOMMU. */
  readonly group?: number | null;
  readonly driver?: string;
  /** A network interface, below the function or its virtio device, and its flags. */
  readonly interface?: { readonly path: string; readonly flags: number };
}

/** Where a test's functions are in a tree of files and links like that of sysfs. */
export class FakeSysfs extends PciSysfs implements Disposable {
  readonly root: string;
  /** Drivers that take what they're offered, by name. */
  readonly taking = new Set(["vfio-pci"]);
  /** What was asked for, in order. */
  readonly calls: string[] = [];
  /** Drivers that functions had from the start, which take them again. */
  readonly #own = new Map<string, string>();

  constructor(functions: Readonly<Record<string, FakeSysfsFunction>>) {
    const root = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-sysfs-" });
    super(root);
    this.root = root;
    for (const driver of ["vfio-pci", "virtio-pci", "e1000e"]) this.addDriver(driver);
    Deno.mkdirSync(`${root}/bus/pci/devices`);
    Deno.writeTextFileSync(`${root}/bus/pci/drivers_probe`, "");
    for (const [name, shown] of Object.entries(functions)) this.#add(name, shown);
  }

  addDriver(driver: string): void {
    Deno.mkdirSync(`${this.root}/bus/pci/drivers/${driver}`, { recursive: true });
  }

  removeDriver(driver: string): void {
    Deno.removeSync(`${this.root}/bus/pci/drivers/${driver}`);
  }

  /** Takes a function out. */
  unplug(name: string): void {
    Deno.removeSync(`${this.root}/bus/pci/devices/${name}`, { recursive: true });
  }

  override setDriverOverride(name: string, driver: string | null): void {
    this.calls.push(`override ${driver}`);
    super.setDriverOverride(name, driver);
    // The kernel keeps what was written last, a file what was longer.
    const path = `${this.root}/bus/pci/devices/${name}/driver_override`;
    Deno.writeTextFileSync(path, `${driver ?? "(null)"}\n`);
  }

  override unbind(name: string): void {
    this.calls.push(`unbind from ${this.driver(name)}`);
    Deno.removeSync(this.#driverLink(name));
  }

  override probe(name: string): void {
    this.calls.push("probe");
    const driver = this.driverOverride(name) ?? this.#own.get(name);
    if (driver !== undefined && this.taking.has(driver)) this.#bind(name, driver);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }

  #add(name: string, shown: FakeSysfsFunction): void {
    const folder = `${this.root}/bus/pci/devices/${name}`;
    Deno.mkdirSync(folder);
    const { vendor = 0x1af4, device = 0x1041, subsystemDevice = 0x1100 } = shown;
    const [v, d, sd] = [vendor, device, subsystemDevice].map((id) => hex(id, 8));
    const [bc, sc, i] = hex(shown.classCode ?? 0x02_0000, 6).match(/../g) ?? [];
    const modalias = `pci:v${v}d${d}sv00001AF4sd${sd}bc${bc}sc${sc}i${i}`;
    Deno.writeTextFileSync(`${folder}/modalias`, `${modalias}\n`);
    Deno.writeTextFileSync(`${folder}/driver_override`, "(null)\n");
    const group = shown.group === undefined ? 1 : shown.group;
    if (group !== null) {
      const members = `${this.root}/kernel/iommu_groups/${group}/devices`;
      Deno.mkdirSync(`${members}/${name}`, { recursive: true });
      symlink(`../../../../kernel/iommu_groups/${group}`, `${folder}/iommu_group`);
    }
    if (shown.driver !== undefined) {
      this.#own.set(name, shown.driver);
      this.taking.add(shown.driver);
      this.#bind(name, shown.driver);
    }
    if (shown.interface === undefined) return;
    const { path, flags } = shown.interface;
    Deno.mkdirSync(`${folder}/${path}`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/${path}/flags`, `0x${flags.toString(16)}\n`);
  }

  #bind(name: string, driver: string): void {
    symlink(`../../../bus/pci/drivers/${driver}`, this.#driverLink(name));
  }

  #driverLink(name: string): string {
    return `${this.root}/bus/pci/devices/${name}/driver`;
  }
}

function symlink(target: string, path: string): void {
  if (libc.symlink(cString(target), cString(path)) !== 0) throw new Error(`no link at ${path}`);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
