import { store64 } from "../../ffi/address.ts";
import { EACCES, ENODEV, ENOENT, ENOMEM, ENXIO, EPERM, ErrnoError } from "../../ffi/errno.ts";
import { closeFd } from "../../ffi/file_descriptor.ts";
import { openSpecial } from "../../ffi/special_file.ts";
import { type IovaRange, parseIovaRanges } from "./iova_ranges.ts";
import { VfioError } from "./vfio_error.ts";
import {
  VFIO_CHECK_EXTENSION,
  VFIO_GET_API_VERSION,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA,
  VFIO_SET_IOMMU,
  vfioCall,
  vfioCallValue,
  vfioQuery,
} from "./vfio_ioctl.ts";

const VFIO_API_VERSION = 0;
/** The IOMMU of x86 and others, in the form of which each mapping is undone as it was made. */
const VFIO_TYPE1v2_IOMMU = 3;

const VFIO_DMA_MAP_FLAG_READ = 1 << 0;
const VFIO_DMA_MAP_FLAG_WRITE = 1 << 1;

/** `struct vfio_iommu_type1_info`: argsz, flags, page sizes (64 bits), offset of capabilities. */
const IOMMU_INFO_WORDS = 5;
/** `struct vfio_iommu_type1_dma_map`: argsz, flags, and three numbers of 64 bits. */
const DMA_MAP_WORDS = 8;

/** What lets a program have devices: an address space of its own, in the IOMMU, for groups of them. */
export class VfioContainer implements Disposable {
  readonly fd: number;
  #closed = false;

  /** Opens `/dev/vfio/vfio`. `VfioError` when there's no vfio, or another one than this. */
  constructor(path = "/dev/vfio/vfio") {
    this.fd = open(path);
    try {
      this.#check();
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Makes the address space. To be called when the first group is in the container. */
  setIommu(): void {
    try {
      vfioCallValue(this.fd, "VFIO_SET_IOMMU", VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
    } catch (error) {
      if (!(error instanceof ErrnoError) || error.errno !== EPERM) throw error;
      throw new VfioError(
        "the IOMMU doesn't remap interrupts, so that a card could send any: switch interrupt " +
          "remapping on (in QEMU: intel-iommu with intremap=on), or, where the card is trusted, " +
          "set vfio_iommu_type1's allow_unsafe_interrupts=1",
        { cause: error },
      );
    }
  }

  /** Where memory may be mapped. */
  iovaRanges(): readonly IovaRange[] {
    const words = new Array<number>(IOMMU_INFO_WORDS).fill(0);
    return parseIovaRanges(vfioQuery(this.fd, "VFIO_IOMMU_GET_INFO", VFIO_IOMMU_GET_INFO, words));
  }

  /**
   * Has devices find, `byteLength` bytes long, at `iova` what this process has at `address`: all
   * three multiples of a page. The memory is pinned as long as the container has a group.
   */
  mapDma(address: number, iova: number, byteLength: number): void {
    const map = new Uint32Array(DMA_MAP_WORDS);
    map[0] = map.byteLength;
    map[1] = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    store64(map, 2, address);
    store64(map, 4, iova);
    store64(map, 6, byteLength);
    try {
      vfioCall(this.fd, "VFIO_IOMMU_MAP_DMA", VFIO_IOMMU_MAP_DMA, map);
    } catch (error) {
      if (!(error instanceof ErrnoError) || error.errno !== ENOMEM) throw error;
      throw new VfioError(
        `${byteLength} bytes of memory can't be pinned for the card: there's no more of it, or no ` +
          `more is allowed (ulimit -l)`,
        { cause: error },
      );
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.fd);
  }

  #check(): void {
    const version = vfioCall(this.fd, "VFIO_GET_API_VERSION", VFIO_GET_API_VERSION, null);
    if (version !== VFIO_API_VERSION) {
      throw new VfioError(
        `this kernel's vfio has API version ${version}, ${VFIO_API_VERSION} is known`,
      );
    }
    const has = vfioCallValue(
      this.fd,
      "VFIO_CHECK_EXTENSION",
      VFIO_CHECK_EXTENSION,
      VFIO_TYPE1v2_IOMMU,
    );
    if (has === 1) return;
    throw new VfioError("vfio has no driver for the IOMMU: load it with modprobe vfio_iommu_type1");
  }
}

function open(path: string): number {
  try {
    return openSpecial(path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    if ([ENOENT, ENODEV, ENXIO].includes(error.errno)) {
      throw new VfioError(`${path} isn't there: load vfio with modprobe vfio-pci`, {
        cause: error,
      });
    }
    if ([EACCES, EPERM].includes(error.errno)) {
      throw new VfioError(`${path} is only for root: run this as root`, { cause: error });
    }
    throw new VfioError(`${path}: ${error.message}`, { cause: error });
  }
}
