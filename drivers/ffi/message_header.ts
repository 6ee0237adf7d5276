import { addressOf, store64 } from "./address.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** Fields of `struct msghdr` on 64-bit Linux (recvmsg(2)), as indices of 32-bit words. */
const MSG_IOV = 4;
const MSG_IOVLEN = 6;
const MSG_CONTROL = 8;
const MSG_CONTROLLEN = 10;
/** Fields of `struct iovec`, likewise. */
const IOV_BASE = 0;
const IOV_LEN = 2;
/** Fields of `struct cmsghdr` (cmsg(3)), likewise; the size_t in front is written by its low half. */
const CMSG_LEN = 0;
const CMSG_LEVEL = 2;
const CMSG_TYPE = 3;
const CMSG_DATA = 4;
const CMSG_HEADER_BYTES = 16;
const CMSG_MAX_FDS = 8;

/**
 * `struct msghdr` with one `struct iovec` and room for control data, as 64-bit Linux lays them out.
 * Every 64-bit field is written as two halves, so that no call makes a BigInt.
 */
export class MessageHeader {
  readonly bytes = new Uint8Array(56);
  readonly #words = new Uint32Array(this.bytes.buffer);
  readonly #iovec = new Uint32Array(4);
  readonly #control = new Uint8Array(CMSG_HEADER_BYTES + 4 * CMSG_MAX_FDS);
  readonly #controlInts = new Int32Array(this.#control.buffer);
  readonly #controlAddress = addressOf(this.#control);
  /** The buffer that the iovec points into, which must outlive the call, and where it lies. */
  #data = this.bytes;
  #dataAddress = 0;

  constructor() {
    store64(this.#words, MSG_IOV, addressOf(this.#iovec));
    store64(this.#words, MSG_IOVLEN, 1);
  }

  /** Makes it carry `length` bytes of `data` from `offset` on, and no control data. */
  point(data: Uint8Array<ArrayBuffer>, offset: number, length: number): void {
    if (data !== this.#data) {
      this.#data = data;
      this.#dataAddress = addressOf(data);
    }
    store64(this.#iovec, IOV_BASE, this.#dataAddress + offset);
    store64(this.#iovec, IOV_LEN, length);
    this.#setControl(0, 0);
  }

  /** Adds one descriptor. */
  attach(fd: number): void {
    this.#setControl(this.#controlAddress, CMSG_HEADER_BYTES + 8);
    this.#controlInts[CMSG_LEN] = CMSG_HEADER_BYTES + 4;
    this.#controlInts[CMSG_LEVEL] = SOL_SOCKET;
    this.#controlInts[CMSG_TYPE] = SCM_RIGHTS;
    this.#controlInts[CMSG_DATA] = fd;
  }

  /** Makes room for descriptors to come. */
  makeRoom(): void {
    this.#setControl(this.#controlAddress, this.#control.length);
  }

  /** Appends the descriptors that came to `fds`. */
  collect(fds: number[]): void {
    if (this.#words[MSG_CONTROLLEN] < CMSG_HEADER_BYTES) return;
    if (this.#controlInts[CMSG_LEVEL] !== SOL_SOCKET) return;
    if (this.#controlInts[CMSG_TYPE] !== SCM_RIGHTS) return;
    const count = (this.#controlInts[CMSG_LEN] - CMSG_HEADER_BYTES) / 4;
    for (let i = 0; i < count; i++) fds.push(this.#controlInts[CMSG_DATA + i]);
  }

  #setControl(address: number, length: number): void {
    store64(this.#words, MSG_CONTROL, address);
    store64(this.#words, MSG_CONTROLLEN, length);
  }
}
