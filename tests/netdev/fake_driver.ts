import { PlainRegion } from "../../netdev/dma_region.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { allocEtherdev, type NetDevice } from "../../netdev/net_device.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import { netbufBytes } from "../stack/host_fixture.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_UNDERRUN,
  type NetdevConf,
  type NetdevDriverInfo,
  type NetdevQueueInfo,
  type NetdevRxqConf,
} from "../../netdev/netdev_types.ts";

/** One receive queue: the frames that the wire has brought, oldest first. */
class FakeRxQueue {
  readonly waiting: Uint8Array[] = [];
  readonly conf: NetdevRxqConf;
  armed = false;
  status = 0;

  constructor(conf: NetdevRxqConf) {
    this.conf = conf;
  }
}

/** One transmit queue: packets lent to the device, and those sent by it but not yet taken back. */
class FakeTxQueue {
  readonly ring: Netbuf[] = [];
  readonly done: Netbuf[] = [];

  /** Frees all of both. */
  clear(): void {
    for (const netbuf of [...this.ring.splice(0), ...this.done.splice(0)]) netbuf.free();
  }
}

/**
 * A whole driver with its device in memory. Each control op that is called is noted; packets come
 * in by `deliver`, and go out to `sent` at once, or when the test says so.
 */
export class FakeDriver implements NetdevOps {
  /** What the device says of itself, and the descriptors of each queue. */
  info: NetdevDriverInfo = {
    encapTx: 12,
    encapRx: 12,
    minRxBufferBytes: 1514,
    rxqInterrupts: true,
  };
  queueInfo: NetdevQueueInfo = { minDescriptors: 4, maxDescriptors: 256, powerOfTwo: true };
  /** Most bytes that the device writes into one netbuf. */
  pieceBytes = Infinity;
  /** Netbufs that a transmit queue has room for. */
  txSlots = 256;
  /** The device keeps what it is given until `completeTx`. */
  holdsTx = false;
  /** Raises the interrupt of a queue; at once unless a test wants it on an event loop. */
  interrupt: (raise: () => void) => void = (raise) => raise();
  /** Name of the op that fails, if any. */
  failing: keyof NetdevOps | null = null;

  /** Control ops that were called, with their numbers. */
  readonly calls: string[] = [];
  /** The `count` of each rxBurst, and what came of it. */
  readonly rxBursts: { asked: number; received: number }[] = [];
  /** The `count` of each txBurst, and its queue. */
  readonly txBursts: number[] = [];
  readonly txBurstQueues: number[] = [];
  /** Frames that have left the device. */
  readonly sent: Uint8Array[] = [];
  readonly pools: NetbufPool[] = [];

  readonly #rxqs: FakeRxQueue[] = [];
  readonly #txqs: FakeTxQueue[] = [new FakeTxQueue(), new FakeTxQueue()];
  readonly #mac = Uint8Array.of(0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f);
  #promiscuous = false;

  probe(): void {
    this.#note("probe");
  }

  infoGet(): NetdevDriverInfo {
    return this.info;
  }

  rxqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.queueInfo;
  }

  txqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.queueInfo;
  }

  configure({ rxQueues, txQueues }: NetdevConf): void {
    this.#note("configure", rxQueues, txQueues);
  }

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    this.#note("poolCreate", options.count);
    const pool = new NetbufPool(new PlainRegion(netbufPoolBytes(options)), 0, options);
    this.pools.push(pool);
    return pool;
  }

  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    this.#note("rxqConfigure", queueId, descriptors);
    this.#rxqs[queueId] = new FakeRxQueue(conf);
  }

  txqConfigure(queueId: number, descriptors: number): void {
    this.#note("txqConfigure", queueId, descriptors);
  }

  start(): void {
    this.#note("start");
  }

  stop(): void {
    for (const rxq of this.#rxqs) rxq.armed = false;
    for (const txq of this.#txqs) txq.clear();
    this.#note("stop");
  }

  unconfigure(): void {
    this.#note("unconfigure");
    this.#rxqs.length = 0;
  }

  close(): void {
    this.#note("close");
    for (const txq of this.#txqs) txq.clear();
  }

  hwaddrGet(): Uint8Array {
    return this.#mac;
  }

  hwaddrSet(address: Uint8Array): void {
    this.#note("hwaddrSet", ...address);
    this.#mac.set(address);
  }

  mtuSet(mtu: number): void {
    this.#note("mtuSet", mtu);
  }

  promiscuousGet(): boolean {
    return this.#promiscuous;
  }

  promiscuousSet(on: boolean): void {
    this.#note("promiscuousSet", Number(on));
    this.#promiscuous = on;
  }

  linkGet(): boolean {
    return false;
  }

  rxqIntrEnable(queueId: number): boolean {
    this.#note("rxqIntrEnable", queueId);
    const rxq = this.#rxqs[queueId];
    rxq.armed = rxq.waiting.length === 0;
    return rxq.armed;
  }

  rxqIntrDisable(queueId: number): void {
    this.#note("rxqIntrDisable", queueId);
    this.#rxqs[queueId].armed = false;
  }

  rxBurst(queueId: number, netbufs: Netbuf[], count: number): number {
    const rxq = this.#rxqs[queueId];
    let received = 0;
    rxq.status = 0;
    while (received < count && rxq.waiting.length > 0) {
      const netbuf = chainOf(rxq.conf.pool, rxq.waiting[0], this.pieceBytes);
      if (netbuf === null) {
        rxq.status = NETDEV_STATUS_UNDERRUN;
        break;
      }
      rxq.waiting.splice(0, 1);
      netbufs[received++] = netbuf;
    }
    if (rxq.waiting.length > 0) rxq.status |= NETDEV_STATUS_MORE;
    this.rxBursts.push({ asked: count, received });
    return received;
  }

  rxqStatus(queueId: number): number {
    return this.#rxqs[queueId].status;
  }

  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    this.txBursts.push(count);
    this.txBurstQueues.push(queueId);
    let taken = 0;
    for (; taken < count && pieces(netbufs[from + taken]) <= this.#txFree(queueId); taken++) {
      this.#txqs[queueId].ring.push(netbufs[from + taken]);
    }
    if (!this.holdsTx) this.completeTx(taken, queueId);
    return taken;
  }

  txqReclaim(queueId: number): number {
    for (const netbuf of this.#txqs[queueId].done.splice(0)) netbuf.free();
    return this.#txFree(queueId);
  }

  statsGet(): NetdevCounters {
    const packets = this.rxBursts.reduce((sum, { received }) => sum + received, 0);
    return {
      rxQueues: [{ packets, bytes: 0, drops: {} }],
      txQueues: [{ packets: this.sent.length, bytes: 0, kicks: this.txBursts.length, drops: {} }],
    };
  }

  /** A frame arrives, and interrupts if the queue is armed. */
  deliver(frame: Uint8Array, queueId = 0): void {
    const rxq = this.#rxqs[queueId];
    rxq.waiting.push(frame);
    if (!rxq.armed) return;
    rxq.armed = false;
    this.interrupt(() => rxq.conf.onEvent?.(queueId));
  }

  /** The device sends the oldest `count` packets of its ring. */
  completeTx(count: number, queueId = 0): void {
    const { ring, done } = this.#txqs[queueId];
    for (const netbuf of ring.splice(0, count)) {
      this.sent.push(netbufBytes(netbuf));
      done.push(netbuf);
    }
  }

  /** Frames that wait to be received. */
  waiting(queueId = 0): number {
    return this.#rxqs[queueId].waiting.length;
  }

  #txFree(queueId: number): number {
    const { ring, done } = this.#txqs[queueId];
    return [...ring, ...done].reduce(
      (free, each) => free - pieces(each),
      this.txSlots,
    );
  }

  #note(op: keyof NetdevOps, ...numbers: number[]): void {
    this.calls.push([op, ...numbers].join(" "));
    if (this.failing === op) throw new NetdevError("EIO", `the device failed in ${op}`);
  }
}

/** A device of such a driver, with two queues each way, as it is before it's registered. */
export function fakeDevice<Priv extends NetdevOps>(
  priv: Priv,
  driverName = "fake",
): NetDevice<Priv> {
  return allocEtherdev({ driverName, priv, rxQueues: 2, txQueues: 2 });
}

/** A frame in netbufs of the pool, as many as it takes; null, and none, when there are too few. */
function chainOf(pool: NetbufPool, frame: Uint8Array, pieceBytes: number): Netbuf | null {
  let chain: Netbuf | null = null;
  const most = Math.min(pieceBytes, pool.bufferBytes);
  for (let at = 0; at === 0 || at < frame.length; at += most) {
    const piece = pool.alloc();
    if (piece === null) {
      chain?.free();
      return null;
    }
    const bytes = frame.subarray(at, at + most);
    piece.region.u8.set(bytes, piece.data);
    piece.length = bytes.length;
    if (chain === null) chain = piece;
    else chain.append(piece);
  }
  return chain;
}

function pieces(chain: Netbuf): number {
  return chain.next === null ? 1 : 1 + pieces(chain.next);
}

/** The same driver, as it would be if it lacked these ops. */
export function without(driver: FakeDriver, ...absent: (keyof NetdevOps)[]): NetdevOps {
  return new Proxy(driver, {
    get(target, name): unknown {
      if (absent.some((op) => op === name)) return undefined;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
