import { dropCounters } from "./drop_reasons.ts";
import type { Netbuf } from "./netbuf.ts";
import { NetdevError } from "./netdev_error.ts";
import { NETDEV_STATUS_MORE } from "./netdev_types.ts";
import type { Waiter } from "./waiter.ts";

/** Packets that a backlog holds unless told otherwise (Linux: net.core.netdev_max_backlog). */
export const NETDEV_MAX_BACKLOG = 1000;

/** {@link Backlog.netifRx}: the packet waits to be received. */
export const NET_RX_SUCCESS = 0;
/** {@link Backlog.netifRx}: the backlog was full; the packet was freed and counted. */
export const NET_RX_DROP = 1;

/** How a backlog is made. */
export interface BacklogOptions {
  /** The receive queue that it is; default 0. */
  readonly queueId?: number;
  /** Called with the queue's number on an event: what `rxqConfigure` was given. */
  readonly onEvent?: ((queueId: number) => void) | undefined;
  /** Packets that it holds; default {@link NETDEV_MAX_BACKLOG}. */
  readonly maxPackets?: number;
  /**
   * The loop's, for a driver that is called while the loop sleeps, and not by the waiter itself: from a
   * promise or a message of a worker. It's woken with the event then.
   */
  readonly waiter?: Waiter;
}

/**
 * The receive queue of a driver that can only push: one that is handed packets, and has no ring to look
 * into. It makes one in its `rxqConfigure`, calls {@link Backlog.netifRx} for each packet, whenever that
 * is, and passes on the ops of its receive queue to the methods of the same names. So it's polled as
 * any other device, under the same budget, and nothing above can tell: what Linux's backlog
 * pseudo-device is to drivers without NAPI. It is the counters of that queue, too.
 *
 * What arrives faster than it's polled waits here, up to a limit, and is dropped beyond it: the newest,
 * as those that wait longer are nearer to being answered. Nothing is allocated for a packet.
 */
export class Backlog {
  /** Packets handed to the user. */
  packets = 0;
  /** Their bytes, from the Ethernet header on. */
  bytes = 0;
  /** Events raised. */
  interrupts = 0;
  /** Packets dropped, by reason; those for which there was no netbuf are the driver's to count. */
  readonly drops: Record<"backlog_full" | "rx_no_buffer", number> = dropCounters(
    "backlog_full",
    "rx_no_buffer",
  );

  /** Round and round: `#count` packets from `#head` on, and null elsewhere. */
  readonly #ring: (Netbuf | null)[];
  readonly #queueId: number = 0;
  readonly #onEvent: ((queueId: number) => void) | null;
  readonly #waiter: Waiter | null;
  #head = 0;
  #count = 0;
  #armed = false;
  #status = 0;

  /** An empty one, not armed. `NetdevError("EINVAL")` for a length below 1. */
  constructor(options: BacklogOptions = {}) {
    const { queueId = 0, onEvent, maxPackets = NETDEV_MAX_BACKLOG, waiter } = options;
    if (!Number.isInteger(maxPackets) || maxPackets < 1) {
      throw new NetdevError("EINVAL", `a backlog of ${maxPackets} packets: at least 1 is needed`);
    }
    this.#ring = new Array<Netbuf | null>(maxPackets).fill(null);
    this.#queueId = queueId;
    this.#onEvent = onEvent ?? null;
    this.#waiter = waiter ?? null;
  }

  /** Packets that wait. */
  get length(): number {
    return this.#count;
  }

  /**
   * Takes over a received packet (a netbuf or a chain), which must be of the pool that the queue was set
   * up with. {@link NET_RX_SUCCESS}, or {@link NET_RX_DROP} when there's no room: it's freed then. The
   * first one that comes to an armed backlog raises the event, and disarms it.
   */
  netifRx(netbuf: Netbuf): number {
    const ring = this.#ring;
    const size = ring.length;
    if (this.#count === size) {
      this.drops.backlog_full++;
      netbuf.free();
      return NET_RX_DROP;
    }
    const end = this.#head + this.#count++;
    ring[end < size ? end : end - size] = netbuf;
    if (this.#armed) this.#raise();
    return NET_RX_SUCCESS;
  }

  /** The op: hands out the oldest packets. */
  rxBurst(netbufs: Netbuf[], count: number): number {
    let received = 0;
    while (received < count) {
      const netbuf = this.#shift();
      if (netbuf === null) break;
      this.bytes += netbuf.chainLength();
      netbufs[received++] = netbuf;
    }
    this.packets += received;
    this.#status = this.#count > 0 ? NETDEV_STATUS_MORE : 0;
    return received;
  }

  /** The op: MORE as the last {@link rxBurst} left it. */
  rxqStatus(): number {
    return this.#status;
  }

  /** The op: arms the event; false when it's left off because packets already wait. */
  rxqIntrEnable(): boolean {
    this.#armed = this.#count === 0;
    return this.#armed;
  }

  /** The op: no event any more. */
  rxqIntrDisable(): void {
    this.#armed = false;
  }

  /** Frees what waits, and disarms the event: for the driver's `stop`. */
  flush(): void {
    this.#armed = false;
    for (let netbuf = this.#shift(); netbuf !== null; netbuf = this.#shift()) netbuf.free();
  }

  /** The oldest packet, or null. */
  #shift(): Netbuf | null {
    const ring = this.#ring;
    const netbuf = ring[this.#head];
    if (netbuf === null) return null;
    ring[this.#head] = null;
    this.#head = this.#head + 1 === ring.length ? 0 : this.#head + 1;
    this.#count--;
    return netbuf;
  }

  #raise(): void {
    this.#armed = false;
    this.interrupts++;
    this.#onEvent?.(this.#queueId);
    this.#waiter?.wake();
  }
}
