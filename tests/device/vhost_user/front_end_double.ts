import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { createMemfd } from "../../../drivers/ffi/mapped_region.ts";
import { socketPair, type UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import * as message from "../../../drivers/virtio/vhost_user/message.ts";
import { type BackEndOptions, VhostUserBackEnd } from "./back_end.ts";

const MEMORY_BYTES = 1 << 16;
const USER_BASE = 0x7000_0000_0000;

/** A back-end, and the other end of its socket, in one thread: messages are written by hand. */
export class FrontEndDouble implements Disposable {
  readonly backEnd: VhostUserBackEnd;
  readonly socket: UnixSocket;

  constructor(options: Partial<BackEndOptions> = {}) {
    const [ours, its] = socketPair();
    this.socket = ours;
    this.backEnd = new VhostUserBackEnd(its, { features: 0n, queuePairs: 1, ...options });
  }

  /** Sends a request and has it handled: the payload of the reply, null when there's none. */
  tell(request: number, payload?: Uint8Array, fd?: number, flags = 0): Uint8Array | null {
    this.socket.send(message.encodeMessage(request, flags, payload), fd);
    if (!this.backEnd.serve()) throw new Error("the back-end thinks that we are gone");
    const reply = new Uint8Array(512);
    const length = this.socket.receive(reply);
    return length < 0 ? null : reply.slice(message.HEADER_BYTES, length);
  }

  /** The same of a request that only has a number. */
  tellU64(request: number, value: bigint, fd?: number): Uint8Array | null {
    return this.tell(request, message.encodeU64(value), fd);
  }

  /** The same of one that is about a vring. */
  tellState(request: number, index: number, num: number): Uint8Array | null {
    return this.tell(request, message.encodeVringState({ index, num }));
  }

  /** All features that it offers, but those left out. */
  negotiate(without = 0n): void {
    const reply = this.tell(message.VHOST_USER_GET_FEATURES);
    const features = message.decodeU64(reply ?? new Uint8Array(0)) & ~without;
    this.tellU64(message.VHOST_USER_SET_FEATURES, features);
  }

  /** One region of 64 KiB at guest address 0. */
  shareMemory(): void {
    const fd = createMemfd("front-end-double", MEMORY_BYTES);
    const region = { guestAddress: 0, size: MEMORY_BYTES, userAddress: USER_BASE, mmapOffset: 0 };
    this.tell(message.VHOST_USER_SET_MEM_TABLE, message.encodeMemoryTable([region]), fd);
    closeFd(fd);
  }

  /** All of a split vring of 8 that starts it, but for SET_VRING_ENABLE, at that guest address. */
  setUpVring(index: number, offset = 4096 * index): void {
    const at = USER_BASE + offset;
    this.tellState(message.VHOST_USER_SET_VRING_NUM, index, 8);
    this.tellState(message.VHOST_USER_SET_VRING_BASE, index, 0);
    const parts = { descriptorArea: at, driverArea: at + 1024, deviceArea: at + 2048 };
    const addresses = message.encodeVringAddr({ index, flags: 0, ...parts });
    this.tell(message.VHOST_USER_SET_VRING_ADDR, addresses);
    const noFd = BigInt(index | message.VHOST_USER_VRING_NOFD_MASK);
    this.tellU64(message.VHOST_USER_SET_VRING_KICK, noFd);
  }

  [Symbol.dispose](): void {
    this.backEnd[Symbol.dispose]();
    this.socket[Symbol.dispose]();
  }
}
