import { closeFd } from "../../ffi/file_descriptor.ts";
import { Mapping } from "../../ffi/mapping.ts";
import { MappedWindow } from "../mapped_window.ts";
import type { RegisterWindow } from "../register_window.ts";
import {
  parseRegionInfo,
  REGION_INFO_WORDS,
  type RegionInfo,
  VFIO_PCI_CONFIG_REGION_INDEX,
} from "./region_info.ts";
import { VfioError } from "./vfio_error.ts";
import { VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, vfioQuery } from "./vfio_ioctl.ts";
import { DescriptorWindow } from "./vfio_window.ts";

const VFIO_DEVICE_FLAGS_PCI = 1 << 1;

/** `struct vfio_device_info`: argsz, flags, numbers of regions and interrupts, capabilities. */
const DEVICE_INFO_WORDS = 5;

/** A device by its descriptor: its regions, each a file in the file. */
export class VfioDevice implements Disposable {
  readonly fd: number;
  /** Configuration space, which the kernel shows in part as it likes (drivers/vfio/pci/vfio_pci_config.c). */
  readonly config: DescriptorWindow;
  readonly #name: string;
  readonly #mappings = new Map<number, Mapping>();
  readonly #ports = new Map<number, DescriptorWindow>();
  #closed = false;

  /**
   * Takes the descriptor over. Whoever had the device may have left it at work: the kernel has reset it
   * when it was opened, if it can (vfio_pci_core_enable()), and to do so again takes a tenth of a second
   * behind a port of PCI Express. If it can't, that's the driver's to end.
   */
  constructor(fd: number, name: string) {
    this.fd = fd;
    this.#name = name;
    try {
      const words = new Array<number>(DEVICE_INFO_WORDS).fill(0);
      const [, flags] = vfioQuery(fd, "VFIO_DEVICE_GET_INFO", VFIO_DEVICE_GET_INFO, words);
      if ((flags & VFIO_DEVICE_FLAGS_PCI) === 0) throw new VfioError(`${name} is no PCI device`);
      const { offset, byteLength } = this.#region(VFIO_PCI_CONFIG_REGION_INDEX);
      this.config = new DescriptorWindow(fd, offset, byteLength);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /**
   * The registers behind a BAR: memory that's mapped, or else by way of the descriptor, as I/O ports
   * are. `VfioError` when there's no such BAR.
   */
  bar(index: number): RegisterWindow {
    const mapping = this.mappedBar(index);
    if (mapping !== null) return new MappedWindow(mapping);
    const known = this.#ports.get(index);
    if (known !== undefined) return known;
    const { offset, byteLength } = this.#region(index);
    const window = new DescriptorWindow(this.fd, offset, byteLength);
    this.#ports.set(index, window);
    return window;
  }

  /** The memory of a BAR; null when it can't be mapped. `VfioError` when there's no such BAR. */
  mappedBar(index: number): Mapping | null {
    const mapped = this.#mappings.get(index);
    if (mapped !== undefined) return mapped;
    const { offset, byteLength, mappable } = this.#region(index);
    if (byteLength === 0) throw new VfioError(`${this.#name} has no BAR ${index}`);
    if (!mappable) return null;
    const mapping = Mapping.ofFile(this.fd, offset, byteLength);
    this.#mappings.set(index, mapping);
    return mapping;
  }

  /**
   * Has nobody reach a BAR any more: a mapped one must not be touched while the device decodes no
   * addresses, or the kernel ends this process (SIGBUS).
   */
  closeBars(): void {
    for (const mapping of this.#mappings.values()) mapping[Symbol.dispose]();
    for (const window of this.#ports.values()) window.close();
    this.#mappings.clear();
    this.#ports.clear();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeBars();
    this.config.close();
    closeFd(this.fd);
  }

  #region(index: number): RegionInfo {
    const words = new Array<number>(REGION_INFO_WORDS).fill(0);
    words[2] = index;
    return parseRegionInfo(
      vfioQuery(this.fd, "VFIO_DEVICE_GET_REGION_INFO", VFIO_DEVICE_GET_REGION_INFO, words),
    );
  }
}
