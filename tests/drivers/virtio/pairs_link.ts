import { assert } from "@std/assert";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../../netdev/netdev.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import {
  MultiqueueNetModel,
  type MultiqueueNetModelOptions,
} from "../../device/multiqueue_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { burstOf, packetOf, receivedBy } from "../../netdev/packets.ts";

/** A card with pairs of queues and its driver, probed; `run` starts it with some of them. */
export class PairsLink {
  readonly model: MultiqueueNetModel;
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  /** Receive queues that have interrupted, in order; and failures. */
  readonly events: (number | string)[] = [];
  #pool: NetbufPool | null = null;

  constructor(options: MultiqueueNetModelOptions) {
    this.model = new MultiqueueNetModel(options);
    const registry = new NetdevRegistry();
    const drivers: VirtioNet[] = [];
    const bus = new VirtioBus(new FakeClock(0, 1));
    bus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), {
      onFailure: (reason) => this.events.push(reason),
    }));
    bus.addDevice(this.model);
    this.netdev = registry.get(0);
    this.driver = drivers[0];
    this.netdev.probe();
  }

  get pool(): NetbufPool {
    assert(this.#pool !== null);
    return this.#pool;
  }

  run(pairs: number): this {
    const { netdev } = this;
    netdev.configure({ rxQueues: pairs, txQueues: pairs });
    const pool = this.#pool = netdev.poolCreate({ count: 16 * pairs + 16 });
    for (let pair = 0; pair < pairs; pair++) {
      netdev.rxqConfigure(pair, 0, { pool, onEvent: (queue) => this.events.push(queue) });
      netdev.txqConfigure(pair, 0);
    }
    netdev.start();
    return this;
  }

  burst(queue: number): Netbuf[] {
    return burstOf(this.netdev, 64, queue);
  }

  received(queue: number): number[][] {
    return receivedBy(this.netdev, 64, queue);
  }

  packet(bytes: Uint8Array): Netbuf {
    return packetOf(this.pool, bytes);
  }
}
