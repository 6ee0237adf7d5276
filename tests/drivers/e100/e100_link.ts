import { E100Netdev } from "../../../drivers/e100/e100_netdev.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { E100Model } from "../../device/e100_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { packetOf, receivedBy, soil } from "../../netdev/packets.ts";

/** A card and its driver. */
export class E100Card {
  readonly model: E100Model;
  readonly netdev: Netdev;
  /** What the driver had to tell, in order: `link up`, or a failure. */
  readonly events: string[] = [];

  constructor(model: E100Model = new E100Model()) {
    this.model = model;
    const driver = new E100Netdev(model, new FakeClock(0, 0.1), {
      onLink: (up) => this.events.push(`link ${up ? "up" : "down"}`),
      onFailure: (reason) => this.events.push(reason),
    });
    this.netdev = new NetdevRegistry().drvRegister(driver.device);
  }
}

/** What a test of packets may want otherwise. */
export interface E100LinkOptions {
  /** Netbufs in the pool; default 64. */
  readonly netbufs?: number;
  readonly rxDescriptors?: number;
  readonly txDescriptors?: number;
  readonly onEvent?: () => void;
}

/** A running card with a pool, and bursts as plain bytes. */
export class E100Link extends E100Card {
  readonly pool: NetbufPool;

  constructor(options: E100LinkOptions = {}, model: E100Model = new E100Model()) {
    super(model);
    const { netdev } = this;
    netdev.probe();
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.pool = netdev.poolCreate({ count: options.netbufs ?? 64 });
    const { onEvent } = options;
    netdev.rxqConfigure(0, options.rxDescriptors ?? 16, {
      pool: this.pool,
      ...onEvent === undefined ? {} : { onEvent },
    });
    netdev.txqConfigure(0, options.txDescriptors ?? 16);
    soil(this.pool);
    netdev.start();
    model.commands.length = 0;
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

  /** What the details call so. */
  fact(name: string): string | undefined {
    return this.netdev.detailsGet()?.facts?.find(([other]) => other === name)?.[1];
  }
}

/** A broadcast frame of `length` bytes that tells by its bytes which one it is. */
export function frame(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i < 6 ? 0xff : seed + i * 7 + (i >>> 8));
}
