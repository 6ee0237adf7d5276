import {
  type ControlAnswer,
  type ControlCommand,
  VIRTIO_NET_ERR,
  VIRTIO_NET_OK,
} from "./control_queue_model.ts";
import { hashOfIpv4 } from "./toeplitz.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_HASH_REPORT,
  VirtioNetModel,
  type VirtioNetModelOptions,
} from "./virtio_net_model.ts";

/** Feature bits (virtio 1.2 §5.1.3). */
export const VIRTIO_NET_F_MQ = 1n << 22n;
export const VIRTIO_NET_F_RSS = 1n << 60n;

/** struct virtio_net_config (§5.1.4). */
const CONFIG_MAX_VIRTQUEUE_PAIRS = 8;
const CONFIG_RSS = 17;

const VIRTIO_NET_HASH_TYPE_IPV4 = 1;
const VIRTIO_NET_HASH_REPORT_IPV4 = 1;

/** What kind of card to be; features are those of every card and what pairs need, unless told otherwise. */
export interface MultiqueueNetModelOptions extends VirtioNetModelOptions {
  /** Pairs of queues that it has. */
  readonly pairs: number;
  /** What it says of them, if not the truth. */
  readonly claimedPairs?: number;
  readonly maxKeyBytes?: number;
  readonly maxTable?: number;
  readonly hashTypes?: number;
}

/** How a card was told to make hashes (§5.1.6.5.6.4, §5.1.6.5.7.1). */
interface Hashing {
  readonly types: number;
  /** Queues by hash; empty without RSS. */
  readonly table: readonly number[];
  readonly key: Uint8Array;
}

/**
 * A network card with pairs of queues and a control queue behind them (virtio 1.2 §5.1.6.5.5 to
 * §5.1.6.5.7). With RSS it chooses the pair for a frame itself, and it reports the hash where it may.
 */
export class MultiqueueNetModel extends VirtioNetModel {
  /** Pairs that it was told to use; one after a reset. */
  pairsInUse = 1;
  /** Pairs that it has. */
  readonly pairs: number;
  #hashing: Hashing | null = null;

  constructor(options: MultiqueueNetModelOptions) {
    const { pairs, more = 0n, maxKeyBytes = 40, maxTable = 128, hashTypes = 0x1ff } = options;
    super({
      features: NET_FEATURES | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ | more,
      queueSizes: [...new Array<number>(2 * pairs).fill(8), 16],
      memoryBytes: 1 << 21,
      ...options,
    });
    this.pairs = pairs;
    const view = new DataView(this.config.buffer);
    view.setUint16(CONFIG_MAX_VIRTQUEUE_PAIRS, options.claimedPairs ?? pairs, true);
    view.setUint8(CONFIG_RSS, maxKeyBytes);
    view.setUint16(CONFIG_RSS + 1, maxTable, true);
    view.setUint32(CONFIG_RSS + 3, hashTypes, true);
  }

  /** The pair that a frame is received by, as the table has it; null where it has no table. */
  steer(frame: Uint8Array): number | null {
    const hashing = this.#hashing;
    if (hashing === null || hashing.table.length === 0) return null;
    const isHashed = isIpv4(frame) && (hashing.types & VIRTIO_NET_HASH_TYPE_IPV4) !== 0;
    return isHashed ? hashing.table[hashOfIpv4(hashing.key, frame) % hashing.table.length] : 0;
  }

  override receive(frame: Uint8Array): boolean {
    this.pair = this.steer(frame) ?? this.pair;
    if (this.pair >= this.pairsInUse) throw new Error(`pair ${this.pair} is not in use`);
    return super.receive(frame);
  }

  override statusWrite(status: number): void {
    if (status === 0) {
      this.pairsInUse = 1;
      this.pair = 0;
      this.#hashing = null;
    }
    super.statusWrite(status);
  }

  protected override kicked(index: number): void {
    if (index === 2 * this.pairs) this.control.kicked(this.ring(index));
  }

  protected override fillHeader(header: Uint8Array, frame: Uint8Array): void {
    const hashing = this.#hashing;
    if ((this.accepted & VIRTIO_NET_F_HASH_REPORT) === 0n || hashing === null) return;
    if (!isIpv4(frame) || (hashing.types & VIRTIO_NET_HASH_TYPE_IPV4) === 0) return;
    const view = new DataView(header.buffer, header.byteOffset);
    view.setUint32(12, hashOfIpv4(hashing.key, frame), true);
    view.setUint16(16, VIRTIO_NET_HASH_REPORT_IPV4, true);
  }

  protected override obey(command: ControlCommand): ControlAnswer {
    const { name, data } = command;
    const view = new DataView(Uint8Array.from(data).buffer);
    if (name === "4.0" && data.length === 2) return this.#use(view.getUint16(0, true));
    if (name === "4.1") return this.#rss(view, data);
    if (name === "4.2") return this.#hashConfig(view, data);
    return super.obey(command);
  }

  #use(pairs: number): ControlAnswer {
    if (pairs < 1 || pairs > this.pairs) return { answer: VIRTIO_NET_ERR };
    // Queues are set up before they are used (§5.1.6.5.5.1).
    for (let queue = 0; queue < 2 * pairs; queue++) this.ring(queue);
    this.pairsInUse = pairs;
    return { answer: VIRTIO_NET_OK };
  }

  /** hash_types u32, mask u16, unclassified u16, table u16[], max_tx_vq u16, length u8, key. */
  #rss(view: DataView, data: readonly number[]): ControlAnswer {
    const entries = view.getUint16(4, true) + 1;
    const behind = 8 + 2 * entries;
    const table = Array.from({ length: entries }, (_, i) => view.getUint16(8 + 2 * i, true));
    const isGood = (entries & (entries - 1)) === 0 && table.every((queue) => queue < this.pairs);
    if (!isGood || view.getUint16(6, true) !== 0) return { answer: VIRTIO_NET_ERR };
    this.#hashing = { types: view.getUint32(0, true), table, key: keyOf(data, behind + 2) };
    return this.#use(view.getUint16(behind, true));
  }

  /** hash_types u32, reserved u16[4], length u8, key. */
  #hashConfig(view: DataView, data: readonly number[]): ControlAnswer {
    if (data.slice(4, 12).some((byte) => byte !== 0)) return { answer: VIRTIO_NET_ERR };
    this.#hashing = { types: view.getUint32(0, true), table: [], key: keyOf(data, 12) };
    return { answer: VIRTIO_NET_OK };
  }
}

function keyOf(data: readonly number[], offset: number): Uint8Array {
  const key = Uint8Array.from(data.slice(offset + 1));
  if (key.length !== data[offset]) throw new Error(`a key of ${key.length}, not ${data[offset]}`);
  return key;
}

function isIpv4(frame: Uint8Array): boolean {
  return frame.length >= 34 && frame[12] === 0x08 && frame[13] === 0;
}
