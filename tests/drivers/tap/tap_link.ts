import { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { TapInterface } from "../../../drivers/tap/tap_interface.ts";
import { TapNetdev, type TapNetdevOptions } from "../../../drivers/tap/tap_netdev.ts";
import { monotonicClock } from "../../../netdev/clock.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { NETDEV_STATUS_MORE } from "../../../netdev/netdev_types.ts";
import type { UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import { NetworkNamespace } from "../../linux/network_namespace.ts";
import { packetSocket } from "../../linux/packet_socket.ts";
import { packetOf } from "../../netdev/packets.ts";

/** The interface of every test, each in a namespace of its own. */
export const NAME = "tap0";

/** What a test may want otherwise. */
export interface TapLinkOptions extends Partial<Omit<TapNetdevOptions, "tap" | "waiter">> {
  /** Netbufs in the pool; default 16. */
  readonly netbufs?: number;
  /** MTU of the interface; default 1500. */
  readonly interfaceMtu?: number;
  readonly onEvent?: (queueId: number) => void;
}

/** A running TAP device, and at the interface's other side the test with a packet socket. */
export class TapLink implements Disposable {
  readonly namespace = new NetworkNamespace();
  readonly waiter = new FdWaiter(monotonicClock);
  readonly ops: TapNetdev;
  readonly #tap: TapInterface;
  readonly netdev: Netdev;
  readonly pool: NetbufPool;
  readonly peer: UnixSocket;

  /** Starts the device; the interface passes frames both ways from then on. */
  static async open(options: TapLinkOptions = {}): Promise<TapLink> {
    const link = new TapLink(options);
    await link.#tap.carrierNoticed();
    return link;
  }

  private constructor(options: TapLinkOptions) {
    const { netbufs = 16, interfaceMtu = 1500, onEvent, ...rest } = options;
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    const tap = this.namespace.run(() => new TapInterface(NAME, interfaceMtu));
    this.#tap = tap;
    this.peer = this.namespace.run(() => packetSocket(NAME));
    this.ops = new TapNetdev({ tap, waiter: this.waiter, mac, ...rest });
    this.netdev = new NetdevRegistry().drvRegister(this.ops.device);
    this.netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.pool = this.netdev.poolCreate({ count: netbufs });
    const event = onEvent === undefined ? {} : { onEvent };
    this.netdev.rxqConfigure(0, 0, { pool: this.pool, ...event });
    this.netdev.txqConfigure(0, 0);
    this.netdev.start();
  }

  /** Receives up to `count` frames as plain bytes, in bursts as long as there's MORE; frees its netbufs. */
  burst(count = 16): number[][] {
    const received: Netbuf[] = [];
    do {
      const netbufs: Netbuf[] = [];
      const more = this.netdev.rxBurst(0, netbufs, count - received.length);
      received.push(...netbufs.slice(0, more));
    } while (received.length < count && this.ops.rxqStatus(0) === NETDEV_STATUS_MORE);
    return received.map((netbuf) => {
      const bytes = [...netbuf.region.u8.subarray(netbuf.data, netbuf.data + netbuf.length)];
      netbuf.free();
      return bytes;
    });
  }

  /** A netbuf of the pool with these bytes in it. */
  packet(bytes: Uint8Array): Netbuf {
    return packetOf(this.pool, bytes);
  }

  /** The frames that came out at Linux's side. */
  peerReceived(): number[][] {
    const frames: number[][] = [];
    const buffer = new Uint8Array(65536);
    for (;;) {
      const length = this.peer.receiveAt(buffer, 0, buffer.length);
      if (length < 0) return frames;
      frames.push([...buffer.subarray(0, length)]);
    }
  }

  [Symbol.dispose](): void {
    this.netdev.close();
    this.peer[Symbol.dispose]();
    this.waiter[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }
}

/**
 * A frame of `length` bytes to nobody, of an EtherType for experiments (IEEE 802), that tells by its
 * bytes which one it is.
 */
export function frame(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length }, (_, i) => seed + i * 7);
  bytes.set([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5].slice(0, length));
  return bytes;
}
