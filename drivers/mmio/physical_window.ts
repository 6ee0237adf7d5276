import { NetdevError } from "../../netdev/netdev_error.ts";
import { openDevMem } from "../ffi/dev_mem.ts";
import { EACCES, ENOENT, ENXIO, EPERM, ErrnoError } from "../ffi/errno.ts";
import { closeFd } from "../ffi/file_descriptor.ts";
import { Mapping } from "../ffi/mapping.ts";
import { checkAccess, type RegisterWindow } from "../pci/register_window.ts";

const PAGE = 4096;

/**
 * Registers at a physical address of this machine, mapped: an access is a load or a store, and no
 * system call. Each is an element of exactly that width. What is read goes through Atomics, as V8
 * leaves out a load whose value nobody uses; what is written doesn't, as that would be an exchange,
 * which reads, too.
 *
 * The arrays begin empty, not as undefined, so that V8 knows what they are.
 */
export class PhysicalWindow implements RegisterWindow, Disposable {
  readonly byteLength: number;
  readonly #mapping: Mapping;
  readonly #u8: Uint8Array = new Uint8Array(0);
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);

  /**
   * Maps the `byteLength` bytes at `address`, both multiples of 4. `NetdevError`, with what to do about
   * it: ENODEV without /dev/mem, EPERM when this user or this kernel doesn't let it be mapped.
   */
  constructor(address: number, byteLength: number, path = "/dev/mem") {
    const start = address % PAGE;
    const pages = Math.ceil((start + byteLength) / PAGE);
    const mapping = mapOrSay(path, address, address - start, pages * PAGE);
    const { buffer } = mapping.u8;
    this.byteLength = byteLength;
    this.#mapping = mapping;
    this.#u8 = new Uint8Array(buffer, start, byteLength);
    this.#u16 = new Uint16Array(buffer, start, byteLength / 2);
    this.#u32 = new Uint32Array(buffer, start, byteLength / 4);
  }

  read8(offset: number): number {
    checkAccess(offset, 1, this.byteLength);
    return Atomics.load(this.#u8, offset);
  }

  read16(offset: number): number {
    checkAccess(offset, 2, this.byteLength);
    return Atomics.load(this.#u16, offset >>> 1);
  }

  read32(offset: number): number {
    checkAccess(offset, 4, this.byteLength);
    return Atomics.load(this.#u32, offset >>> 2);
  }

  write8(offset: number, value: number): void {
    checkAccess(offset, 1, this.byteLength);
    this.#u8[offset] = value;
  }

  write16(offset: number, value: number): void {
    checkAccess(offset, 2, this.byteLength);
    this.#u16[offset >>> 1] = value;
  }

  write32(offset: number, value: number): void {
    checkAccess(offset, 4, this.byteLength);
    this.#u32[offset >>> 2] = value;
  }

  /** Unmaps them: a read throws from then on, and what is written is lost. */
  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
  }
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
