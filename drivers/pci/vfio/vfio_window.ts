import { libc } from "../../ffi/libc.ts";
import type { AccessWidth } from "../pci_address.ts";
import { CheckedRegisters } from "../register_window.ts";

/** What a descriptor is asked with, one at a time, by width. */
const SCRATCH = new ArrayBuffer(4);
const SCRATCH_BYTES = new Uint8Array(SCRATCH);
const SCRATCH_VIEWS = {
  1: SCRATCH_BYTES,
  2: new Uint16Array(SCRATCH),
  4: new Uint32Array(SCRATCH),
};

/**
 * Registers that are read and written through the device's descriptor: I/O ports and configuration
 * space. Each call is a system call, and one access of that width. All ones when nobody answers.
 */
export class DescriptorWindow extends CheckedRegisters {
  readonly #start: bigint;
  #fd: number | null;

  /** `start`: where they begin in the descriptor. It stays the caller's, who calls {@link close}. */
  constructor(fd: number, start: bigint, byteLength: number) {
    super(byteLength);
    this.#fd = fd;
    this.#start = start;
  }

  /** Nobody answers any more: the descriptor may be closed, and its number be another's. */
  close(): void {
    this.#fd = null;
  }

  protected override load(offset: number, width: AccessWidth): number {
    const at = this.#start + BigInt(offset);
    const isRead = this.#fd !== null &&
      libc.pread(this.#fd, SCRATCH_BYTES, BigInt(width), at) === width;
    return isRead ? SCRATCH_VIEWS[width][0] : 2 ** (8 * width) - 1;
  }

  protected override store(offset: number, width: AccessWidth, value: number): void {
    if (this.#fd === null) return;
    SCRATCH_VIEWS[width][0] = value;
    // What fails is as lost as what is written to a card that has gone.
    libc.pwrite(this.#fd, SCRATCH_BYTES, BigInt(width), this.#start + BigInt(offset));
  }
}
