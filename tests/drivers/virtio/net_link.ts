import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import type { VirtioNetOptions } from "../../../drivers/virtio/virtio_net_card.ts";
import type { RingFormat } from "../../../drivers/virtio/virtqueue.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { VirtioNetModel, type VirtioNetModelOptions } from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { burstOf, packetOf, receivedBy, soil } from "../../netdev/packets.ts";

/** A card, and how its driver is to set it up. */
export interface ProbedNetOptions extends VirtioNetModelOptions {
  /** Format of its rings; default split. */
  readonly ring?: RingFormat;
  /** The address for a card that has none. */
  readonly mac?: Uint8Array;
  readonly coalescing?: VirtioNetOptions["coalescing"];
}

/** A network card and its driver, which found each other on a virtio bus. */
export class ProbedNet {
  readonly model: VirtioNetModel;
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  /** What the driver had to tell, in order: `link up`, or a failure. */
  readonly events: string[] = [];

  constructor(options: ProbedNetOptions = {}) {
    this.model = new VirtioNetModel(options);
    const registry = new NetdevRegistry();
    const drivers: VirtioNet[] = [];
    const bus = new VirtioBus(new FakeClock(0, 1));
    bus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), {
      onLink: (up) => this.events.push(`link ${up ? "up" : "down"}`),
      onAnnounce: () => this.events.push("announce"),
      onFailure: (reason) => this.events.push(reason),
      ...options.mac === undefined ? {} : { mac: options.mac },
      ...options.coalescing === undefined ? {} : { coalescing: options.coalescing },
      ring: options.ring ?? "split",
    }));
    bus.addDevice(this.model);
    this.netdev = registry.get(0);
    this.driver = drivers[0];
  }
}

/** What a test of packets may want otherwise. */
export interface NetLinkOptions extends ProbedNetOptions {
  /** Netbufs in the pool; default 32. */
  readonly netbufs?: number;
  /** Bytes of each; default 2048. */
  readonly stride?: number;
  readonly onEvent?: () => void;
}

/** A running network card with a pool, and bursts as plain bytes. */
export class NetLink extends ProbedNet {
  readonly pool: NetbufPool;

  constructor(options: NetLinkOptions = {}) {
    super(options);
    const { netdev } = this;
    netdev.probe();
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.pool = netdev.poolCreate({ count: options.netbufs ?? 32, stride: options.stride ?? 2048 });
    const { onEvent } = options;
    netdev.rxqConfigure(0, 0, { pool: this.pool, ...onEvent === undefined ? {} : { onEvent } });
    netdev.txqConfigure(0, 0);
    soil(this.pool);
    netdev.start();
  }

  /** Receives a burst of netbufs. */
  burst(count = 64): Netbuf[] {
    return burstOf(this.netdev, count);
  }

  /** Receives a burst as bytes, and frees it. */
  received(count = 64): number[][] {
    return receivedBy(this.netdev, count);
  }

  /** A packet of these pieces, each in a netbuf of its own. */
  packet(...pieces: readonly Uint8Array[]): Netbuf {
    return packetOf(this.pool, ...pieces);
  }

  /** Sends packets and says how many were taken. */
  send(...packets: Netbuf[]): number {
    return this.netdev.txBurst(0, packets, 0, packets.length);
  }
}

/** A frame of `length` bytes that tells by its bytes which one it is. */
export function frame(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => seed + i * 7 + (i >>> 8));
}
