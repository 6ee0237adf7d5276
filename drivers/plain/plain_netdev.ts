import { checkHwaddr, checkMtu } from "../../netdev/netdev_checks.ts";
import type { NetdevInfo, NetdevQueueInfo } from "../../netdev/netdev_types.ts";
import { ETHERNET_HEADER_BYTES, VLAN_TAG_BYTES } from "./ethernet_header.ts";

/** Frames that a queue may be asked for, as there are no descriptors. */
export const QUEUE_FRAMES = 256;
const QUEUE_INFO: NetdevQueueInfo = {
  minDescriptors: 1,
  maxDescriptors: QUEUE_FRAMES,
  powerOfTwo: false,
};

/**
 * What a netdev over a file descriptor is, whatever lies behind that: one pair of queues in plain
 * memory, without descriptors; and a MAC address and an MTU that are ours alone. Nobody outside is
 * told of these, as the peer sends everything in any case, and nothing is filtered here.
 */
export class PlainNetdev {
  readonly #mac: Uint8Array;
  readonly #maxMtu: number;
  #mtu: number;

  /**
   * A device with this MAC address, which is copied, and an MTU of at most `mtuLimit`, beyond which
   * `mtuSet` doesn't go either. `NetdevError("EINVAL")` when one of them can't be.
   */
  constructor(mac: Uint8Array, mtu: number, mtuLimit: number) {
    checkHwaddr(mac);
    checkMtu(mtu, mtuLimit);
    this.#mac = mac.slice();
    this.#maxMtu = mtu;
    this.#mtu = mtu;
  }

  infoGet(): NetdevInfo {
    return {
      maxRxQueues: 1,
      maxTxQueues: 1,
      maxMtu: this.#maxMtu,
      encapTx: 0,
      encapRx: 0,
      minRxBufferBytes: ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + this.#maxMtu,
      rxqInterrupts: true,
    };
  }

  rxqInfoGet(_queueId: number): NetdevQueueInfo {
    return QUEUE_INFO;
  }

  txqInfoGet(_queueId: number): NetdevQueueInfo {
    return QUEUE_INFO;
  }

  configure(): void {}

  hwaddrGet(): Uint8Array {
    return this.#mac;
  }

  hwaddrSet(address: Uint8Array): void {
    this.#mac.set(address);
  }

  mtuGet(): number {
    return this.#mtu;
  }

  /** What we send. What the peer sends is up to the MTU that it has. */
  mtuSet(mtu: number): void {
    this.#mtu = mtu;
  }

  promiscuousGet(): boolean {
    return true;
  }
}
