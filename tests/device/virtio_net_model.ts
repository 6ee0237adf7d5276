import {
  type ControlAnswer,
  type ControlCommand,
  ControlQueueModel,
} from "./control_queue_model.ts";
import { NetworkCardState } from "./network_card_state.ts";
import type { AvailableBuffer, RingDevice } from "./ring_device.ts";
import { VIRTIO_F_VERSION_1, VirtioModel, type VirtioModelOptions } from "./virtio_model.ts";

/** Feature bits of network cards (virtio 1.2 §5.1.3). */
export const VIRTIO_NET_F_CSUM = 1n << 0n;
export const VIRTIO_NET_F_GUEST_CSUM = 1n << 1n;
export const VIRTIO_NET_F_MTU = 1n << 3n;
export const VIRTIO_NET_F_MAC = 1n << 5n;
export const VIRTIO_NET_F_MRG_RXBUF = 1n << 15n;
export const VIRTIO_NET_F_STATUS = 1n << 16n;
export const VIRTIO_NET_F_CTRL_VQ = 1n << 17n;
export const VIRTIO_NET_F_CTRL_RX = 1n << 18n;
export const VIRTIO_NET_F_CTRL_VLAN = 1n << 19n;
export const VIRTIO_NET_F_CTRL_RX_EXTRA = 1n << 20n;
export const VIRTIO_NET_F_GUEST_ANNOUNCE = 1n << 21n;
export const VIRTIO_NET_F_CTRL_MAC_ADDR = 1n << 23n;
export const VIRTIO_NET_F_VQ_NOTF_COAL = 1n << 52n;
export const VIRTIO_NET_F_NOTF_COAL = 1n << 53n;
export const VIRTIO_NET_F_SPEED_DUPLEX = 1n << 63n;
export const VIRTIO_NET_F_HASH_REPORT = 1n << 57n;

/** What is on offer unless a test says otherwise. */
export const NET_FEATURES: bigint = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;

/** The same of a legacy card: a header and a frame may share a descriptor (VIRTIO_F_ANY_LAYOUT). */
export const LEGACY_NET_FEATURES: bigint = NET_FEATURES & ~VIRTIO_F_VERSION_1 | 1n << 27n;

/** The address that the card has. */
export const NET_MAC: readonly number[] = [0x52, 0x54, 0x00, 0xab, 0xcd, 0xef];

/** What can be told to a card by its control queue, as QEMU has it. */
export const CONTROL_FEATURES: bigint = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX |
  VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_RX_EXTRA | VIRTIO_NET_F_GUEST_ANNOUNCE |
  VIRTIO_NET_F_CTRL_MAC_ADDR;

/**
 * struct virtio_net_config (§5.1.4): mac[6], status, max_virtqueue_pairs, mtu, speed, duplex, and what
 * hashes may be made of.
 */
const CONFIG_BYTES = 24;
const CONFIG_STATUS = 6;
const CONFIG_MAX_VIRTQUEUE_PAIRS = 8;
const CONFIG_MTU = 10;
const CONFIG_SPEED = 12;
const CONFIG_DUPLEX = 16;

/** VIRTIO_NET_S_ANNOUNCE (§5.1.4). */
const STATUS_ANNOUNCE = 2;

/** struct virtio_net_hdr (§5.1.6), without a hash and with one. */
export const HDR_BYTES = 12;
const HDR_HASH_BYTES = 20;
const HDR_NUM_BUFFERS = 10;

/** What a card says of the checksum of a frame (§5.1.6), 0 unless given. */
export interface ChecksumFields {
  readonly flags: number;
  readonly start?: number;
  readonly offset?: number;
}

/** The control queue of a card with one pair of queues. */
const CONTROLQ = 2;

/** What kind of network card to be. */
export interface VirtioNetModelOptions {
  /** Features on offer besides {@link NET_FEATURES}. */
  readonly more?: bigint;
  /** Features on offer, instead. */
  readonly features?: bigint;
  readonly mtu?: number;
  /** Largest size of each queue; 8 by default, with a control queue where one is on offer. */
  readonly queueSizes?: readonly number[];
  readonly memoryBytes?: number;
  /** As {@link VirtioModelOptions} has it. */
  readonly watch?: VirtioModelOptions["watch"];
}

/** A packet that the device sent: the bytes in front of the frame, and the frame. */
export interface SentPacket {
  readonly header: number[];
  readonly frame: number[];
  /** Descriptors it came in. */
  readonly pieces: number;
}

/** What to write into one receive buffer, and what to say about it. */
export interface UsedBuffer {
  readonly bytes: Uint8Array;
  /** Length to claim; that of `bytes` by default. */
  readonly length?: number;
}

/**
 * A virtio network card (virtio 1.2 §5.1). It receives and sends when a test tells it to, which may
 * be in the middle of a call of the driver.
 */
export class VirtioNetModel extends VirtioModel {
  /** Frames that found no buffer. */
  missed = 0;
  /** The pair of queues that it receives and sends by. */
  pair = 0;
  /** What it was told on its control queue. */
  readonly card = new NetworkCardState(NET_MAC);
  /** Commands, and how it is with them. */
  readonly control: ControlQueueModel = new ControlQueueModel(
    this.region,
    (command) => this.obey(command),
  );
  /** Receive buffers taken from the rings and not used yet. */
  readonly #takenOf: AvailableBuffer[][] = [];

  constructor(options: VirtioNetModelOptions = {}) {
    const { features = NET_FEATURES, more = 0n, mtu = 1500 } = options;
    const config = new Uint8Array(CONFIG_BYTES);
    config.set(NET_MAC);
    super({
      deviceType: 1,
      features: features | more,
      config,
      queueSizes: options.queueSizes ??
        (((features | more) & VIRTIO_NET_F_CTRL_VQ) === 0n ? [8, 8] : [8, 8, 8]),
      memoryBytes: options.memoryBytes ?? 1 << 20,
      ...options.watch === undefined ? {} : { watch: options.watch },
    });
    this.#set16(CONFIG_STATUS, 1);
    this.#set16(CONFIG_MAX_VIRTQUEUE_PAIRS, 1);
    this.setMtu(mtu);
    this.setSpeed(0xffff_ffff, 0xff);
  }

  /** The device's side of the receive queue. */
  get rx(): RingDevice {
    return this.ring(2 * this.pair);
  }

  /** The device's side of the transmit queue. */
  get tx(): RingDevice {
    return this.ring(2 * this.pair + 1);
  }

  /** Bytes of the header, as negotiated (§5.1.6). */
  get headerBytes(): number {
    return (this.accepted & VIRTIO_NET_F_HASH_REPORT) === 0n ? HDR_BYTES : HDR_HASH_BYTES;
  }

  /** What the header of a frame that is received has besides num_buffers. */
  protected fillHeader(_header: Uint8Array, _frame: Uint8Array): void {}

  /** Receives a frame (§5.1.6.4), in several buffers when it has to. False when it's dropped. */
  receive(frame: Uint8Array, checksum: ChecksumFields = { flags: 0 }): boolean {
    const filters = (this.accepted & VIRTIO_NET_F_CTRL_RX) !== 0n;
    const filtersVlans = (this.accepted & VIRTIO_NET_F_CTRL_VLAN) !== 0n;
    if (filters && !this.card.accepts(frame, filtersVlans)) return false;
    const { headerBytes } = this;
    const bytes = new Uint8Array(headerBytes + frame.length);
    this.fillHeader(bytes.subarray(0, headerBytes), frame);
    bytes.set(frame, headerBytes);
    const { flags, start = 0, offset = 0 } = checksum;
    bytes.set([flags, 0, 0, 0, 0, 0, start & 0xff, start >>> 8, offset & 0xff, offset >>> 8]);
    const mergeable = (this.accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    let room = 0;
    let count = 0;
    while (room < bytes.length) {
      const buffer = count === 0 || mergeable ? this.#peekReceive(count) : null;
      if (buffer === null) {
        this.missed++;
        return false;
      }
      room += capacity(buffer);
      count++;
    }
    bytes[HDR_NUM_BUFFERS] = count & 0xff;
    bytes[HDR_NUM_BUFFERS + 1] = count >>> 8;
    let from = 0;
    const used = this.#taken.slice(0, count).map((buffer) => {
      const piece = bytes.subarray(from, from + capacity(buffer));
      from += piece.length;
      return { bytes: piece };
    });
    this.receiveRaw(...used);
    return true;
  }

  /** Uses a receive buffer for each entry, all visible at once, with just what it's told. */
  receiveRaw(...entries: readonly UsedBuffer[]): void {
    for (const { bytes, length } of entries) {
      const buffer = this.#peekReceive(0);
      if (buffer === null) throw new Error("the driver has no receive buffer for the test");
      this.#taken.shift();
      this.region.u8.set(bytes, buffer.pieces[0].offset);
      this.rx.put(buffer.head, length ?? bytes.length);
    }
    if (this.rx.show()) this.interrupt(2 * this.pair);
  }

  /** The next receive buffers that the driver made available. */
  receiveBuffers(): readonly AvailableBuffer[] {
    while (this.#peekReceive(this.#taken.length) !== null);
    return this.#taken;
  }

  /** Sends all that is available and gives the buffers back. */
  transmit(): SentPacket[] {
    const buffers = this.takeTransmit();
    const sent = buffers.map((buffer) => this.read(buffer));
    this.completeTransmit(buffers);
    return sent;
  }

  /** Takes what is to be sent, and keeps it. */
  takeTransmit(): AvailableBuffer[] {
    this.needLive();
    const buffers: AvailableBuffer[] = [];
    for (let next = this.tx.take(); next !== null; next = this.tx.take()) buffers.push(next);
    return buffers;
  }

  /** What is in a transmit buffer now. */
  read({ pieces }: AvailableBuffer): SentPacket {
    const bytes: number[] = [];
    for (const { offset, length, deviceWrites } of pieces) {
      if (deviceWrites) throw new Error("a transmit buffer is to be read");
      bytes.push(...this.region.u8.subarray(offset, offset + length));
    }
    return {
      header: bytes.slice(0, this.headerBytes),
      frame: bytes.slice(this.headerBytes),
      pieces: pieces.length,
    };
  }

  /** Gives transmit buffers back. */
  completeTransmit(buffers: readonly AvailableBuffer[]): void {
    for (const { head } of buffers) this.tx.put(head, 0);
    if (this.tx.show()) this.interrupt(2 * this.pair + 1);
  }

  /** Changes the link, and tells of it. */
  setLink(up: boolean): void {
    this.#set16(CONFIG_STATUS, up ? 1 : 0);
    this.configChanged();
  }

  /** Shows another MTU. */
  setMtu(mtu: number): void {
    this.#set16(CONFIG_MTU, mtu);
  }

  /** Shows how fast the link is, in Mbit/s, and 0 for half or 1 for full duplex. */
  setSpeed(speed: number, duplex: number): void {
    this.#set16(CONFIG_SPEED, speed & 0xffff);
    this.#set16(CONFIG_SPEED + 2, speed >>> 16);
    this.config[CONFIG_DUPLEX] = duplex;
  }

  /** Asks for an announcement (§5.1.6.5.4). */
  askForAnnouncement(): void {
    this.card.announce = true;
    this.#set16(CONFIG_STATUS, this.config[CONFIG_STATUS] | STATUS_ANNOUNCE);
    this.configChanged();
  }

  /** Whether it still does. */
  get asksForAnnouncement(): boolean {
    return (this.config[CONFIG_STATUS] & STATUS_ANNOUNCE) !== 0;
  }

  protected override kicked(index: number): void {
    const hasControl = (this.accepted & VIRTIO_NET_F_CTRL_VQ) !== 0n;
    if (hasControl && index === CONTROLQ) this.control.kicked(this.ring(index));
  }

  /** Does what it's told on its control queue. */
  protected obey(command: ControlCommand): ControlAnswer {
    const answer = this.card.obey(command);
    if (command.name === "3.0") this.#set16(CONFIG_STATUS, this.config[CONFIG_STATUS] & 1);
    return answer;
  }

  /** A reset device holds no buffers (§2.4.1), and was told nothing. */
  override statusWrite(status: number): void {
    if (status === 0) {
      this.#takenOf.length = 0;
      this.card.reset();
    }
    super.statusWrite(status);
  }

  protected override queueWasReset(index: number): void {
    if (index % 2 === 0) this.#takenOf[index / 2] = [];
  }

  get #taken(): AvailableBuffer[] {
    return this.#takenOf[this.pair] ??= [];
  }

  /** The buffer that comes `n` behind the next one, null when there is none. */
  #peekReceive(n: number): AvailableBuffer | null {
    this.needLive();
    while (this.#taken.length <= n) {
      const buffer = this.rx.take();
      if (buffer === null) return null;
      if (buffer.pieces.some(({ deviceWrites }) => !deviceWrites)) {
        throw new Error("a receive buffer is to be written");
      }
      this.#taken.push(buffer);
    }
    return this.#taken[n];
  }

  #set16(offset: number, value: number): void {
    this.config[offset] = value & 0xff;
    this.config[offset + 1] = value >>> 8;
  }
}

function capacity({ pieces }: AvailableBuffer): number {
  if (pieces.length !== 1) throw new Error("the model writes buffers of one piece only");
  return pieces[0].length;
}
