import { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import { socketPair } from "../../../../drivers/ffi/unix_socket.ts";
import { type FeatureName, featureSet } from "../../../../drivers/virtio/features.ts";
import type { BackEnd } from "../../../../drivers/virtio/vhost_user/back_ends.ts";
import { Connection } from "../../../../drivers/virtio/vhost_user/connection.ts";
import {
  VHOST_USER_SET_FEATURES,
  VHOST_USER_SET_MEM_TABLE,
  VHOST_USER_SET_VRING_ADDR,
  VHOST_USER_SET_VRING_BASE,
  VHOST_USER_SET_VRING_CALL,
  VHOST_USER_SET_VRING_ENABLE,
  VHOST_USER_SET_VRING_KICK,
  VHOST_USER_SET_VRING_NUM,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { SharedMemory } from "../../../../drivers/virtio/vhost_user/shared_memory.ts";
import { VhostUserTransport } from "../../../../drivers/virtio/vhost_user/vhost_user_transport.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

export const BASIC = ["VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MRG_RXBUF"] as const;
export const PROTOCOL_FEATURES = 1n << 30n;
export const MEMORY_BYTES = 2 << 20;
export const DRIVER_OK = 0x0f;
export const NEEDS_RESET = 0x40;

/** What a start of one pair of queues is acknowledged with. */
export const START_OF_PAIR: readonly number[] = [
  VHOST_USER_SET_VRING_CALL,
  VHOST_USER_SET_VRING_CALL,
  VHOST_USER_SET_FEATURES,
  VHOST_USER_SET_MEM_TABLE,
  ...[0, 1].flatMap(() => [
    VHOST_USER_SET_VRING_NUM,
    VHOST_USER_SET_VRING_BASE,
    VHOST_USER_SET_VRING_ADDR,
    VHOST_USER_SET_VRING_KICK,
  ]),
  VHOST_USER_SET_VRING_ENABLE,
  VHOST_USER_SET_VRING_ENABLE,
];

/** A back-end, and the test at its other end. */
export interface Far {
  readonly backEnd: BackEnd;
  readonly peer: ScriptedPeer;
}

/** A transport, and back-ends for it. */
export class TransportBench implements Disposable {
  readonly waiter = new FdWaiter(monotonicClock);
  readonly memory = new SharedMemory(MEMORY_BYTES);
  readonly transport: VhostUserTransport;
  readonly peer: ScriptedPeer;
  losses = 0;
  /** Why a first start came to nothing, for a transport that waits for the next back-end. */
  readonly unstarted: string[] = [];
  /** Changes of configuration that were told. */
  changes = 0;
  /** Queues whose interrupts were handled. */
  readonly interrupts: number[] = [];
  readonly #stack = new DisposableStack();

  constructor(far: (bench: TransportBench) => Far = (bench) => bench.far(), waits = false) {
    const { backEnd, peer } = far(this);
    this.peer = peer;
    this.transport = new VhostUserTransport(
      "vhost-user /x",
      backEnd,
      this.memory,
      this.waiter,
      () => this.losses++,
      waits ? (reason) => void this.unstarted.push(reason) : null,
    );
  }

  far(
    names: readonly FeatureName[] = BASIC,
    { acknowledged = true, extra = PROTOCOL_FEATURES, queuePairs = 1 } = {},
  ): Far {
    const [ours, theirs] = socketPair();
    const connection = new Connection(ours, this.waiter, monotonicClock);
    connection.acknowledged = acknowledged;
    const features = featureSet(...names);
    const offer = { all: features | extra, features, protocolFeatures: 0b1000n, queuePairs };
    const peer = this.#stack.use(new ScriptedPeer(theirs));
    this.#stack.use(connection);
    return { backEnd: { connection, offer }, peer };
  }

  /** What a driver does. Acknowledgements have to be there already. */
  start(names: readonly FeatureName[] = BASIC, pairs = 1): void {
    const { transport } = this;
    transport.statusWrite(0);
    transport.driverFeaturesWrite(featureSet(...names));
    transport.interruptsConnect(
      () => this.changes++,
      Array.from(
        { length: 2 * pairs },
        (_, index) => index % 2 === 0 ? (): void => void this.interrupts.push(index) : null,
      ),
    );
    for (let index = 0; index < 2 * pairs; index++) {
      const at = 0x1000 * (index + 1);
      transport.queueEnable(index, {
        size: 256,
        descriptorArea: at,
        driverArea: at + 0x400,
        deviceArea: at + 0x800,
      });
    }
    transport.statusWrite(DRIVER_OK);
  }

  /** What a driver does in the end. */
  stop(): void {
    this.transport.statusWrite(0);
    this.transport.interruptsDisconnect();
  }

  [Symbol.dispose](): void {
    this.transport.shutdown();
    this.#stack[Symbol.dispose]();
    this.memory[Symbol.dispose]();
    this.waiter[Symbol.dispose]();
  }
}
