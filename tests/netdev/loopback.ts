import * as netdev from "../../netdev/mod.ts";

const INFO = { encapTx: 0, encapRx: 0, minRxBufferBytes: 1514, rxqInterrupts: true };
const QUEUE_INFO = { minDescriptors: 1, maxDescriptors: 256, powerOfTwo: false };

/** One end of a cable: what it sends, the other end receives. The first one is its own other end. */
export class Loopback implements netdev.NetdevOps {
  readonly device: netdev.NetDevice = netdev.allocEtherdev({ driverName: "loopback", priv: this });
  readonly #mac: Uint8Array;
  #far: Loopback = this;
  #pool: netdev.NetbufPool | null = null;
  #rx = new netdev.Backlog();
  #tx = { packets: 0, bytes: 0, drops: netdev.dropCounters("tx_link_down") };
  #running = false;

  constructor(mac: Uint8Array, far?: Loopback) {
    this.#mac = mac.slice();
    if (far !== undefined) [this.#far, far.#far] = [far, this];
  }

  infoGet = (): netdev.NetdevDriverInfo => INFO;
  rxqInfoGet = (): netdev.NetdevQueueInfo => QUEUE_INFO;
  txqInfoGet = (): netdev.NetdevQueueInfo => QUEUE_INFO;
  hwaddrGet = (): Uint8Array => this.#mac;
  promiscuousGet = (): boolean => true;
  linkGet = (): boolean => this.#far.#running;
  configure = (): void => {};

  poolCreate(options: netdev.NetbufPoolOptions): netdev.NetbufPool {
    const region = new netdev.PlainRegion(netdev.netbufPoolBytes(options));
    return new netdev.NetbufPool(region, 0, options);
  }
  rxqConfigure(queueId: number, _descriptors: number, conf: netdev.NetdevRxqConf): void {
    this.#pool = conf.pool;
    this.#rx = new netdev.Backlog({ queueId, onEvent: conf.onEvent });
  }
  txqConfigure(): void {
    this.#tx = { packets: 0, bytes: 0, drops: netdev.dropCounters("tx_link_down") };
  }
  start(): void {
    this.#running = true;
  }
  stop(): void {
    this.#running = false;
    this.#rx.flush();
  }
  unconfigure(): void {
    this.stop();
    this.#pool?.retire(() => {});
  }
  close = (): void => this.unconfigure();

  rxqIntrEnable = (): boolean => this.#rx.rxqIntrEnable();
  rxqIntrDisable = (): void => this.#rx.rxqIntrDisable();
  rxBurst = (_: number, to: netdev.Netbuf[], n: number): number => this.#rx.rxBurst(to, n);
  rxqStatus = (): number => this.#rx.rxqStatus();
  txqReclaim = (): number => QUEUE_INFO.maxDescriptors;
  txBurst(_queueId: number, netbufs: netdev.Netbuf[], from: number, count: number): number {
    for (let i = from; i < from + count; i++) {
      this.#tx.packets++;
      this.#tx.bytes += netbufs[i].chainLength();
      if (this.#far.#running) this.#far.#receive(netbufs[i]);
      else this.#tx.drops.tx_link_down++;
      netbufs[i].free();
    }
    return count;
  }
  /** A netbuf stays in the memory of its device, so this end has a copy. */
  #receive(packet: netdev.Netbuf): void {
    const copy = this.#pool?.copyOf(packet);
    if (copy) this.#rx.netifRx(copy);
    else this.#rx.drops.rx_no_buffer++;
  }

  statsGet(): netdev.NetdevCounters {
    return { rxQueues: [this.#rx], txQueues: [this.#tx] };
  }
}
