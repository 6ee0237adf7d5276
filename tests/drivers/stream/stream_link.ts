import { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { socketPair, type UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import { StreamNetdev, type StreamNetdevOptions } from "../../../drivers/stream/stream_netdev.ts";
import { monotonicClock } from "../../../netdev/clock.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { type NetbufPool, netbufStride } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { packetOf, receivedBy } from "../../netdev/packets.ts";

/** What a test may want otherwise. */
export interface StreamDeviceOptions extends Partial<Omit<StreamNetdevOptions, "socket">> {
  /** Netbufs in the pool; default 16. */
  readonly netbufs?: number;
  readonly onEvent?: (queueId: number) => void;
}

/** A running stream device over a socket, which it owns. */
export class StreamDevice implements Disposable {
  readonly waiter = new FdWaiter(monotonicClock);
  readonly ops: StreamNetdev;
  readonly netdev: Netdev;
  readonly pool: NetbufPool;

  constructor(socket: UnixSocket | null, options: StreamDeviceOptions = {}) {
    const { netbufs = 16, onEvent, ...rest } = options;
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    this.ops = new StreamNetdev({ socket, waiter: this.waiter, mac, ...rest });
    this.netdev = new NetdevRegistry().drvRegister(this.ops.device);
    this.netdev.configure({ rxQueues: 1, txQueues: 1 });
    const stride = netbufStride(this.netdev.infoGet().minRxBufferBytes);
    this.pool = this.netdev.poolCreate({ count: netbufs, stride });
    const event = onEvent === undefined ? {} : { onEvent };
    this.netdev.rxqConfigure(0, 0, { pool: this.pool, ...event });
    this.netdev.txqConfigure(0, 0);
    this.netdev.start();
  }

  /** Receives one burst as plain bytes, and frees its netbufs. */
  burst(count = 16): number[][] {
    return receivedBy(this.netdev, count);
  }

  /** A netbuf of the pool with these bytes in it. */
  packet(bytes: Uint8Array): Netbuf {
    return packetOf(this.pool, bytes);
  }

  [Symbol.dispose](): void {
    this.netdev.close();
    this.waiter[Symbol.dispose]();
  }
}

/** A running stream device whose peer is the test. */
export class StreamLink extends StreamDevice {
  readonly peer: UnixSocket;
  readonly #received: number[] = [];

  constructor(options: StreamDeviceOptions = {}) {
    const [near, far] = socketPair();
    super(near, options);
    this.peer = far;
  }

  /** Everything that the peer has received so far, and now. */
  peerReceived(): number[] {
    const buffer = new Uint8Array(65536);
    for (let n = this.peer.receive(buffer); n > 0; n = this.peer.receive(buffer)) {
      for (let i = 0; i < n; i++) this.#received.push(buffer[i]);
    }
    return this.#received;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.peer[Symbol.dispose]();
  }
}

/** A frame of `length` bytes that tells by its bytes which one it is. */
export function frame(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => seed + i * 7);
}

/** The frames as they go over the wire: each behind its length, 32 bits big-endian. */
export function framed(...frames: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const frame of frames) {
    bytes.push(
      frame.length >>> 24,
      frame.length >>> 16,
      frame.length >>> 8,
      frame.length,
      ...frame,
    );
  }
  return Uint8Array.from(bytes);
}
