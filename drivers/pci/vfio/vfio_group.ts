import { EACCES, EBUSY, ENOENT, EPERM, ErrnoError } from "../../ffi/errno.ts";
import { closeFd } from "../../ffi/file_descriptor.ts";
import { cString } from "../../ffi/libc.ts";
import { openSpecial } from "../../ffi/special_file.ts";
import type { VfioContainer } from "./vfio_container.ts";
import { VfioError } from "./vfio_error.ts";
import {
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  vfioCall,
  vfioQuery,
} from "./vfio_ioctl.ts";

const VFIO_GROUP_FLAGS_VIABLE = 1 << 0;

/**
 * A group: the devices that an IOMMU can't tell apart, or that reach each other behind its back. It's
 * given away as a whole.
 */
export class VfioGroup implements Disposable {
  readonly fd: number;
  readonly #name: string;
  #closed = false;

  /**
   * Opens it by its number. `VfioError` when somebody has it, or it's not for us; `others`, in words,
   * are the devices of the group that some other driver has, null for none that are known.
   */
  constructor(number: number, others: () => string | null, folder = "/dev/vfio") {
    this.#name = `IOMMU group ${number}`;
    this.fd = open(this.#name, `${folder}/${number}`);
    try {
      const [, flags] = vfioQuery(this.fd, "VFIO_GROUP_GET_STATUS", VFIO_GROUP_GET_STATUS, [0, 0]);
      if ((flags & VFIO_GROUP_FLAGS_VIABLE) === 0) {
        throw new VfioError(
          notViable(number, others() ?? "another device of it has its own driver"),
        );
      }
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Puts the group into a container, whose address space its devices have then. */
  setContainer({ fd }: VfioContainer): void {
    vfioCall(this.fd, "VFIO_GROUP_SET_CONTAINER", VFIO_GROUP_SET_CONTAINER, Uint32Array.of(fd));
  }

  /** A descriptor of the device with this name in sysfs. The caller closes it. */
  openDevice(name: string): number {
    try {
      return vfioCall(
        this.fd,
        "VFIO_GROUP_GET_DEVICE_FD",
        VFIO_GROUP_GET_DEVICE_FD,
        cString(name),
      );
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      throw new VfioError(`${name} can't be opened: ${error.message}; dmesg may say more`, {
        cause: error,
      });
    }
  }

  /** Takes it out of its container, too. Its devices are closed before. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.fd);
  }
}

/** Why a group can't be had, and what to do. */
export function notViable(number: number, others: string): string {
  return `IOMMU group ${number} can only be had as a whole, and ${others}: ` +
    "unbind that from its driver, or put the card into another slot";
}

function open(name: string, path: string): number {
  try {
    return openSpecial(path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    throw new VfioError(`${name}: ${whyNotOpen(error, path)}`, { cause: error });
  }
}

function whyNotOpen({ errno, message }: ErrnoError, path: string): string {
  switch (errno) {
    case ENOENT:
      return `${path} isn't there: none of its devices is bound to vfio-pci`;
    case EBUSY:
      return "it's in use, by another process or another --device: end that one first";
    case EACCES:
    case EPERM:
      return `${path} isn't for this user: run this as root, or have root give you that file`;
    default:
      return `${path}: ${message}`;
  }
}
