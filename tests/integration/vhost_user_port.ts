import { assert } from "@std/assert";
import { waitReadable } from "../../drivers/ffi/fd_waiter.ts";
import { closeFd } from "../../drivers/ffi/file_descriptor.ts";
import { compiled } from "../../drivers/ffi/libc.ts";
import { MappedRegion } from "../../drivers/ffi/mapped_region.ts";
import type { UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import {
  decodeHeader,
  decodeMemoryTable,
  decodeU64,
  decodeVringAddr,
  decodeVringState,
  encodeMessage,
  encodeU64,
  encodeVringState,
  HEADER_BYTES,
  type MemoryRegion,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_GET_VRING_BASE,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_SET_FEATURES,
  VHOST_USER_SET_MEM_TABLE,
  VHOST_USER_SET_VRING_ADDR,
  VHOST_USER_SET_VRING_CALL,
  VHOST_USER_SET_VRING_ENABLE,
  VHOST_USER_SET_VRING_NUM,
  VHOST_USER_VRING_IDX_MASK,
} from "../../drivers/virtio/vhost_user/message.ts";
import type { FeatureSet } from "../../drivers/virtio/features.ts";
import { createRingDevice, type RingDevice } from "../device/ring_device.ts";
import type { FramePort } from "./frame_port.ts";

const eventfdWrite = compiled("eventfd_write");

const PROTOCOL_FEATURES = 1n << 30n;
const REPLY_ACK = 1n << 3n;

/** struct virtio_net_hdr with VERSION_1, and its last field. */
const NET_HEADER_BYTES = 12;
const NUM_BUFFERS = 10;

/** Queues of the one pair, seen from the driver. */
const RECEIVEQ = 0;
const TRANSMITQ = 1;

const PATIENCE_MS = 20_000;
/** Empty looks at a ring between two at the socket, which are system calls. */
const LOOKS = 64;

/** A ring as far as it's known, and as a device once it's enabled. */
interface Vring {
  size: number;
  areas: { descriptorArea: number; driverArea: number; deviceArea: number };
  call: number | null;
  ring: RingDevice | null;
}

/**
 * The back-end's end of vhost-user, as a place to send and receive frames: it has one pair of queues.
 * All is done within the calls, so it's as quick as they are made.
 */
export class VhostUserPort implements FramePort {
  closed = false;
  readonly #socket: UnixSocket;
  readonly #features: FeatureSet;
  #accepted = 0n;
  #mapped: MappedRegion | null = null;
  #table: MemoryRegion | null = null;
  readonly #vrings: readonly Vring[] = [0, 1].map(() => ({
    size: 0,
    areas: { descriptorArea: 0, driverArea: 0, deviceArea: 0 },
    call: null,
    ring: null,
  }));

  /** Takes over a connected socket, and waits until both queues are enabled. */
  constructor(socket: UnixSocket, features: FeatureSet) {
    this.#socket = socket;
    this.#features = features | PROTOCOL_FEATURES;
    while (this.#vrings.some(({ ring }) => ring === null)) {
      assert(waitReadable(socket.fd, PATIENCE_MS), "the front-end says nothing");
      this.#serve();
      assert(!this.closed, "the front-end has hung up");
    }
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    const packet = new Uint8Array(NET_HEADER_BYTES + frame.length);
    packet[NUM_BUFFERS] = 1;
    packet.set(frame, NET_HEADER_BYTES);
    const { ring } = this.#vrings[RECEIVEQ];
    const deadline = performance.now() + PATIENCE_MS;
    for (let buffer = ring?.take(); ring !== null; buffer = ring.take()) {
      if (buffer === null || buffer === undefined) {
        this.#serve();
        assert(!this.closed && performance.now() < deadline, "no buffer to receive into");
        continue;
      }
      const [{ offset, length }] = buffer.pieces;
      assert(length >= packet.length, `a buffer of ${length} bytes`);
      this.#mapped?.u8.set(packet, offset);
      ring.use(buffer.head, packet.length);
      this.#interrupt(RECEIVEQ);
      return;
    }
  }

  next(silenceMs: number): Uint8Array | null {
    const deadline = performance.now() + silenceMs;
    for (let looks = 1;; looks++) {
      const frame = this.#take();
      if (frame !== null) return frame;
      if (looks % LOOKS !== 0) continue;
      this.#serve();
      if (this.closed || performance.now() > deadline) return null;
    }
  }

  /** Rings take all at once. */
  sendPending(): boolean {
    return false;
  }

  /** As the kernel does when the process is killed: nothing is said. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    for (const { call } of this.#vrings) if (call !== null) closeFd(call);
    this.#mapped?.[Symbol.dispose]();
  }

  #take(): Uint8Array | null {
    const { ring } = this.#vrings[TRANSMITQ];
    const buffer = ring?.take() ?? null;
    if (ring === null || buffer === null || this.#mapped === null) return null;
    const bytes: number[] = [];
    for (const { offset, length } of buffer.pieces) {
      bytes.push(...this.#mapped.u8.subarray(offset, offset + length));
    }
    ring.use(buffer.head, 0);
    this.#interrupt(TRANSMITQ);
    return Uint8Array.from(bytes).subarray(NET_HEADER_BYTES);
  }

  /** Also when none was asked for: that costs a system call, and is allowed. */
  #interrupt(index: number): void {
    const { call } = this.#vrings[index];
    if (call !== null) eventfdWrite(call, 1n);
  }

  /** Handles all requests that are there. */
  #serve(): void {
    while (!this.closed && waitReadable(this.#socket.fd, 0)) {
      const fds: number[] = [];
      const header = this.#read(HEADER_BYTES, fds);
      if (header === null) return;
      const { request, flags, size } = decodeHeader(header);
      const payload = this.#read(size, fds);
      if (payload === null) return;
      const reply = this.#handle(request, payload, fds);
      const acknowledges = (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;
      const answer = reply ?? (acknowledges ? encodeU64(0n) : null);
      if (answer !== null) this.#socket.send(encodeMessage(request, VHOST_USER_REPLY_MASK, answer));
    }
  }

  /** The reply, or null for a request without one. */
  #handle(request: number, payload: Uint8Array, fds: number[]): Uint8Array | null {
    switch (request) {
      case VHOST_USER_GET_FEATURES:
        return encodeU64(this.#features);
      case VHOST_USER_GET_PROTOCOL_FEATURES:
        return encodeU64(REPLY_ACK);
      case VHOST_USER_SET_FEATURES:
        this.#accepted = decodeU64(payload);
        assert((this.#accepted & ~this.#features) === 0n, "accepted what isn't offered");
        return null;
      case VHOST_USER_SET_MEM_TABLE: {
        const [region] = decodeMemoryTable(payload);
        this.#mapped?.[Symbol.dispose]();
        this.#mapped = new MappedRegion(fds[0], region.size);
        this.#table = region;
        break;
      }
      case VHOST_USER_SET_VRING_NUM: {
        const { index, num } = decodeVringState(payload);
        this.#vrings[index].size = num;
        return null;
      }
      case VHOST_USER_SET_VRING_ADDR: {
        const { index, ...areas } = decodeVringAddr(payload);
        this.#vrings[index].areas = areas;
        return null;
      }
      case VHOST_USER_SET_VRING_CALL: {
        const vring = this.#vrings[Number(decodeU64(payload)) & VHOST_USER_VRING_IDX_MASK];
        if (vring.call !== null) closeFd(vring.call);
        vring.call = fds.shift() ?? null;
        break;
      }
      case VHOST_USER_SET_VRING_ENABLE: {
        const { index, num } = decodeVringState(payload);
        this.#vrings[index].ring = num === 1 ? this.#ring(this.#vrings[index]) : null;
        return null;
      }
      case VHOST_USER_GET_VRING_BASE: {
        const { index } = decodeVringState(payload);
        this.#vrings[index].ring = null;
        return encodeVringState({ index, num: 0 });
      }
    }
    for (const fd of fds) closeFd(fd);
    return null;
  }

  #ring({ size, areas }: Vring): RingDevice {
    const [region, table] = [this.#mapped, this.#table];
    assert(region !== null && table !== null, "a queue without memory");
    const { u8, u16, u32, byteLength } = region;
    const at = (address: number): number => address - table.userAddress + table.guestAddress;
    const memory = {
      ...{ u8, u16, u32, byteLength },
      deviceAddress: (offset: number) => offset,
      offsetOf: (address: number, length: number): number => {
        assert(address >= 0 && address + length <= byteLength, `no memory at ${address}`);
        return address;
      },
    };
    return createRingDevice(memory, {
      size,
      descriptorArea: at(areas.descriptorArea),
      driverArea: at(areas.driverArea),
      deviceArea: at(areas.deviceArea),
    }, this.#accepted);
  }

  /** Null when the front-end has hung up. */
  #read(length: number, fds: number[]): Uint8Array | null {
    const bytes = new Uint8Array(length);
    for (let got = 0; got < length;) {
      assert(waitReadable(this.#socket.fd, PATIENCE_MS), "half a request");
      const part = new Uint8Array(length - got);
      const n = this.#socket.receive(part, fds);
      if (n === 0) this.closed = true;
      if (n <= 0) return null;
      bytes.set(part.subarray(0, n), got);
      got += n;
    }
    return bytes;
  }
}
