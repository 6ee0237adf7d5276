import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import type { UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import * as message from "../../../drivers/virtio/vhost_user/message.ts";
import { BackEndError } from "./back_end_error.ts";
import { type FrontEndMessage, FrontEndSocket, type ReplyFault } from "./front_end_socket.ts";
import { GuestMemory } from "./guest_memory.ts";
import { Vring } from "./vring.ts";

/** Feature bits that a back-end has to know of (virtio 1.2 §5.1.3, §6). */
export const VIRTIO_NET_F_MRG_RXBUF = 1n << 15n;
export const VIRTIO_NET_F_MQ = 1n << 22n;
export const VIRTIO_NET_F_CTRL_VQ = 1n << 17n;
export const VIRTIO_F_INDIRECT_DESC = 1n << 28n;
export const VIRTIO_F_EVENT_IDX = 1n << 29n;
export const VIRTIO_F_VERSION_1 = 1n << 32n;
export const VIRTIO_F_RING_PACKED = 1n << 34n;
export const VIRTIO_F_IN_ORDER = 1n << 35n;
const PROTOCOL_FEATURES = 1n << BigInt(message.VHOST_USER_F_PROTOCOL_FEATURES);

/** What a back-end is. */
export interface BackEndOptions {
  /** The features that it offers, besides VERSION_1 and the bit for protocol features. */
  readonly features: bigint;
  /** Pairs of queues, 1 to 127. */
  readonly queuePairs: number;
  /** Bytes of the memory that are the owner's own: see `GuestMemory.scratch`. Default 0. */
  readonly scratchBytes?: number;
  /** What to do wrong: with replies, and whether memory is mapped at all; default true. */
  readonly replyFault?: ReplyFault;
  readonly mapsMemory?: boolean;
}

/**
 * A vhost-user back-end (QEMU's docs/interop/vhost-user.rst) for one connection: it answers what its
 * front-end asks, maps the memory, and starts and stops rings. Who owns it moves the packets. Nothing
 * here waits, except for the rest of a message.
 *
 * It asks for {@link VIRTIO_F_VERSION_1}, so that each frame has a header of 12 bytes.
 */
export class VhostUserBackEnd implements Disposable {
  readonly vrings: readonly Vring[];
  readonly #socket: UnixSocket;
  readonly #messages: FrontEndSocket;
  readonly #offered: bigint;
  readonly #offeredProtocol: bigint;
  readonly #scratchBytes: number;
  readonly #mapsMemory: boolean;
  #memory: GuestMemory | null = null;
  #features = 0n;
  #protocol = 0n;

  /** Takes the socket over. */
  constructor(
    socket: UnixSocket,
    { features, queuePairs, scratchBytes = 0, replyFault, mapsMemory = true }: BackEndOptions,
  ) {
    this.#socket = socket;
    this.#scratchBytes = scratchBytes;
    this.#mapsMemory = mapsMemory;
    this.#messages = new FrontEndSocket(socket, replyFault);
    const mq = queuePairs > 1 ? VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_VQ : 0n;
    this.#offered = features | mq | VIRTIO_F_VERSION_1 | PROTOCOL_FEATURES;
    const queues = queuePairs > 1
      ? message.VHOST_USER_PROTOCOL_F_MQ
      : message.VHOST_USER_PROTOCOL_F_REPLY_ACK;
    this.#offeredProtocol = 1n << BigInt(message.VHOST_USER_PROTOCOL_F_REPLY_ACK) |
      1n << BigInt(queues);
    this.vrings = Array.from({ length: 2 * queuePairs }, (_, index) => new Vring(index));
  }

  /** The descriptor that is readable when a message is there. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** The front-end's memory, once it has been told of. */
  get memory(): GuestMemory | null {
    return this.#memory;
  }

  /** The features that the front-end accepted. */
  get features(): bigint {
    return this.#features;
  }

  /** Whether it accepted this one. */
  has(feature: bigint): boolean {
    return (this.#features & feature) !== 0n;
  }

  /**
   * Handles all messages that are there; whether the front-end is still connected.
   * {@link BackEndError} when it breaks a rule: nothing is to be expected of it from then on.
   */
  serve(): boolean {
    for (;;) {
      const next = this.#messages.next();
      if (next === "closed") return false;
      if (next === null) return true;
      this.#handle(next);
    }
  }

  [Symbol.dispose](): void {
    for (const vring of this.vrings) vring[Symbol.dispose]();
    this.#memory?.[Symbol.dispose]();
    this.#memory = null;
    this.#socket[Symbol.dispose]();
  }

  #handle(received: FrontEndMessage): void {
    const { request, fds } = received;
    // What nobody takes over is closed, whatever it came with.
    const unused = new Set(fds);
    try {
      const replied = this.#dispatch(received, unused);
      const acknowledges = this.#speaks(message.VHOST_USER_PROTOCOL_F_REPLY_ACK);
      if (!replied && received.needsReply && acknowledges) {
        this.#messages.reply(request, message.encodeU64(0n));
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new BackEndError(`${message.requestName(request)}: ${error.message}`);
    } finally {
      unused.forEach(closeFd);
    }
  }

  /** Whether the request was one with a reply of its own. */
  #dispatch({ request, payload, fds }: FrontEndMessage, unused: Set<number>): boolean {
    switch (request) {
      case message.VHOST_USER_GET_FEATURES:
        return this.#reply(request, this.#offered);
      case message.VHOST_USER_GET_PROTOCOL_FEATURES:
        return this.#reply(request, this.#offeredProtocol);
      case message.VHOST_USER_GET_QUEUE_NUM:
        return this.#reply(request, BigInt(this.vrings.length / 2));
      case message.VHOST_USER_GET_VRING_BASE: {
        const vring = this.#vring(message.decodeVringState(payload).index);
        const state = { index: vring.index, num: vring.stop() };
        this.#messages.reply(request, message.encodeVringState(state));
        return true;
      }
      case message.VHOST_USER_SET_OWNER:
      case message.VHOST_USER_SET_VRING_ERR:
        return false;
      case message.VHOST_USER_SET_FEATURES:
        this.#accept(message.decodeU64(payload));
        return false;
      case message.VHOST_USER_SET_PROTOCOL_FEATURES:
        this.#protocol = subset(message.decodeU64(payload), this.#offeredProtocol);
        return false;
      case message.VHOST_USER_SET_MEM_TABLE:
        this.#map(message.decodeMemoryTable(payload), fds);
        return false;
      case message.VHOST_USER_SET_VRING_KICK: {
        const vring = this.#vringOf(payload);
        vring.setKick(takeFd(payload, fds, unused));
        this.#start(vring);
        return false;
      }
      case message.VHOST_USER_SET_VRING_CALL:
        this.#vringOf(payload).setCall(takeFd(payload, fds, unused));
        return false;
      case message.VHOST_USER_SET_VRING_ADDR: {
        const addresses = message.decodeVringAddr(payload);
        const vring = this.#vring(addresses.index);
        vring.addresses = addresses;
        this.#start(vring);
        return false;
      }
      case message.VHOST_USER_SET_VRING_NUM:
      case message.VHOST_USER_SET_VRING_BASE:
      case message.VHOST_USER_SET_VRING_ENABLE:
        this.#setState(request, message.decodeVringState(payload));
        return false;
      default:
        throw new BackEndError("not among the messages that this back-end knows");
    }
  }

  #setState(request: number, { index, num }: message.VringState): void {
    const vring = this.#vring(index);
    if (request === message.VHOST_USER_SET_VRING_NUM) vring.size = num;
    else if (request === message.VHOST_USER_SET_VRING_BASE) vring.base = num;
    else vring.enabled = num === 1;
  }

  #reply(request: number, value: bigint): true {
    this.#messages.reply(request, message.encodeU64(value));
    return true;
  }

  #accept(features: bigint): void {
    this.#features = subset(features, this.#offered);
    if (!this.has(VIRTIO_F_VERSION_1)) throw new BackEndError("VERSION_1 was not accepted");
    // "Ring states": without protocol features rings begin enabled.
    if (!this.has(PROTOCOL_FEATURES)) { for (const vring of this.vrings) vring.enabled = true; }
  }

  #map(regions: readonly message.MemoryRegion[], fds: readonly number[]): void {
    if (!this.#mapsMemory) return;
    const before = this.#memory;
    this.#memory = new GuestMemory(regions, fds, this.#scratchBytes);
    for (const vring of this.vrings) this.#start(vring);
    before?.[Symbol.dispose]();
  }

  #start(vring: Vring): void {
    if (this.#memory === null) return;
    const packed = this.has(VIRTIO_F_RING_PACKED);
    vring.start(this.#memory, { packed, eventIndex: this.has(VIRTIO_F_EVENT_IDX) });
  }

  #vring(index: number): Vring {
    const vring = this.vrings[index];
    if (vring !== undefined) return vring;
    throw new BackEndError(`vring ${index}: there are ${this.vrings.length}`);
  }

  /** The vring of a message whose payload has a descriptor's flag, too. */
  #vringOf(payload: Uint8Array): Vring {
    const value = Number(message.decodeU64(payload));
    return this.#vring(value & message.VHOST_USER_VRING_IDX_MASK);
  }

  #speaks(protocolFeature: number): boolean {
    return (this.#protocol >> BigInt(protocolFeature) & 1n) === 1n;
  }
}

/** The one descriptor that came along, or null when the payload says that there's none. */
function takeFd(
  payload: Uint8Array,
  fds: readonly number[],
  unused: Set<number>,
): number | null {
  const value = Number(message.decodeU64(payload));
  const none = (value & message.VHOST_USER_VRING_NOFD_MASK) !== 0;
  if (fds.length !== (none ? 0 : 1)) throw new BackEndError(`${fds.length} descriptors came along`);
  if (none) return null;
  unused.delete(fds[0]);
  return fds[0];
}

function subset(accepted: bigint, offered: bigint): bigint {
  const rest = accepted & ~offered;
  if (rest === 0n) return accepted;
  throw new BackEndError(`features 0x${rest.toString(16)} were not offered`);
}
