import { store64 } from "./address.ts";
import { compiled } from "./libc.ts";

const readv = compiled("readv");
const writev = compiled("writev");

/** 32-bit words of a `struct iovec` on 64-bit Linux (readv(2)): the base address, then the length. */
const IOVEC_WORDS = 4;
const IOV_LEN = 2;

/**
 * An array of `struct iovec` for readv(2) and writev(2), made once: only addresses and lengths are
 * written, as halves, so that reading into and writing from any place of a region allocates nothing.
 */
export class IovecArray {
  readonly #words: Uint32Array<ArrayBuffer>;

  /** Room for `size` pieces. */
  constructor(size: number) {
    this.#words = new Uint32Array(IOVEC_WORDS * size);
  }

  /** Makes piece `index` the `length` bytes at `address`, which must stay mapped during the call. */
  set(index: number, address: number, length: number): void {
    const at = IOVEC_WORDS * index;
    store64(this.#words, at, address);
    store64(this.#words, at + IOV_LEN, length);
  }

  /** Reads into the first `count` pieces: how many bytes, or -1, and `errno()` says why. */
  read(fd: number, count: number): number {
    return readv(fd, this.#words, count);
  }

  /** Writes the first `count` pieces as one: how many bytes, or -1, and `errno()` says why. */
  write(fd: number, count: number): number {
    return writev(fd, this.#words, count);
  }
}
