import { allocEtherdev, type NetDevice } from "../../netdev/net_device.ts";
import { checkHwaddr, checkMtu } from "../../netdev/netdev_checks.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import type { NetdevDriverInfo, NetdevQueueInfo } from "../../netdev/netdev_types.ts";
import { ETHERNET_HEADER_BYTES, VLAN_TAG_BYTES } from "./ethernet_header.ts";

/** Frames that a queue may be asked for, as there are no descriptors. */
export const QUEUE_FRAMES = 256;
const QUEUE_INFO: NetdevQueueInfo = {
  minDescriptors: 1,
  maxDescriptors: QUEUE_FRAMES,
  powerOfTwo: false,
};

/**
 * Allocates the device of such a driver, with an MTU of at most `mtuLimit`, beyond which `mtuSet`
 * doesn't go either. `NetdevError("EINVAL")` for one that can't be.
 */
export function allocPlainDevice<Priv extends NetdevOps>(
  driverName: string,
  priv: Priv,
  mtu: number,
  mtuLimit: number,
): NetDevice<Priv> {
  const device = allocEtherdev({ driverName, priv });
  checkMtu(mtu, device.minMtu, mtuLimit);
  device.mtu = device.maxMtu = mtu;
  return device;
}

/**
 * What a netdev over a file descriptor is, whatever lies behind that: one pair of queues in plain
 * memory, without descriptors; and a MAC address and an MTU that are ours alone. Nobody outside is
 * told of these, as the peer sends everything in any case, and nothing is filtered here.
 */
export abstract class PlainNetdev {
  /** What is registered; made by {@link allocPlainDevice}. */
  abstract readonly device: NetDevice;
  readonly #mac: Uint8Array;

  /** A device with this MAC address, which is copied. `NetdevError("EINVAL")` when it can't be one. */
  constructor(mac: Uint8Array) {
    checkHwaddr(mac);
    this.#mac = mac.slice();
  }

  infoGet(): NetdevDriverInfo {
    return {
      encapTx: 0,
      encapRx: 0,
      minRxBufferBytes: ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + this.device.maxMtu,
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

  /** Nobody to tell: it's for what we send, and what the peer sends is up to the MTU that it has. */
  mtuSet(_mtu: number): void {}

  promiscuousGet(): boolean {
    return true;
  }
}
