import { NetdevError } from "../../netdev/netdev_error.ts";
import { openDevMem } from "../ffi/dev_mem.ts";
import { EACCES, ENOENT, ENXIO, EPERM, ErrnoError } from "../ffi/errno.ts";
import { closeFd } from "../ffi/file_descriptor.ts";
import { Mapping } from "../ffi/mapping.ts";
import { MappedWindow } from "../pci/mapped_window.ts";
import { type RegisterWindow, WindowSlice } from "../pci/register_window.ts";

const PAGE = 4096;

/** Registers of this machine, to be unmapped when nobody needs them any more. */
export interface PhysicalWindow extends Disposable {
  /** As long as it's mapped. */
  readonly registers: RegisterWindow;
}

/**
 * Maps the `byteLength` bytes at a physical `address`, a multiple of 4. `NetdevError`, with what to do
 * about it: ENODEV without /dev/mem, EPERM when this user or this kernel doesn't let it be mapped.
 */
export function mapPhysical(
  address: number,
  byteLength: number,
  path = "/dev/mem",
): PhysicalWindow {
  const start = address % PAGE;
  const pages = Math.ceil((start + byteLength) / PAGE);
  const mapping = mapOrSay(path, address, address - start, pages * PAGE);
  const registers = new WindowSlice(new MappedWindow(mapping), start, byteLength);
  return { registers, [Symbol.dispose]: () => mapping[Symbol.dispose]() };
}

function mapOrSay(path: string, address: number, start: number, byteLength: number): Mapping {
  const fd = openOrSay(path);
  try {
    return Mapping.ofFile(fd, BigInt(start), byteLength);
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.errno !== EPERM) throw error;
    throw new NetdevError(
      "EPERM",
      `the kernel doesn't let 0x${
        address.toString(16)
      } be mapped: it's memory, or a driver has it ` +
        `(see /proc/iomem; modprobe -r virtio_mmio lets go of it)`,
      { cause: error },
    );
  } finally {
    closeFd(fd);
  }
}

function openOrSay(path: string): number {
  try {
    return openDevMem(path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    switch (error.errno) {
      case EACCES:
        throw new NetdevError("EPERM", `${path} may not be opened: run as root`, { cause: error });
      case EPERM:
        throw new NetdevError(
          "EPERM",
          `${path} may not be opened: that takes CAP_SYS_RAWIO, and a kernel that isn't locked down`,
          { cause: error },
        );
      case ENOENT:
      case ENXIO:
        throw new NetdevError(
          "ENODEV",
          `there's no ${path}: mount devtmpfs on /dev, and have a kernel with CONFIG_DEVMEM`,
          { cause: error },
        );
    }
    throw error;
  }
}
