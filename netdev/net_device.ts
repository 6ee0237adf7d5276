import { checkName } from "./net_device_name.ts";
import type { NetdevOps } from "./netdev_driver.ts";
import { NetdevError } from "./netdev_error.ts";

/** Hardware type of Ethernet, as ARP numbers it (RFC 826; Linux: if_arp.h). */
export const ARPHRD_ETHER = 1;

/** Flag of a device: it can send to all stations at once (Linux: if.h). */
export const IFF_BROADCAST = 0x2;
/** Flag of a device: it can send to groups of stations. */
export const IFF_MULTICAST = 0x1000;

/** Where a device stands between its allocation and its end (Linux: reg_state). */
export const NetDeviceState = {
  /** Allocated: the driver may still change everything, its name included. */
  UNINITIALIZED: 0,
  /** Registered, under a name and a number. */
  REGISTERED: 1,
  /** Not registered any more, and not to be again. */
  UNREGISTERED: 2,
} as const;

/** One of the values of {@link NetDeviceState}. */
export type NetDeviceState = typeof NetDeviceState[keyof typeof NetDeviceState];

/** What a device is made of. */
export interface NetDeviceOptions<Priv extends NetdevOps> {
  /** Name of its driver, for people. */
  readonly driverName: string;
  /**
   * The driver's own state of this one device: an object whose methods are the ops. (In Linux these
   * are two, `netdev_ops` and `netdev_priv`: a table of functions, and the memory they work on.)
   */
  readonly priv: Priv;
  /** Its name, or a pattern with one `%d`; default `net%d`. */
  readonly name?: string;
  /** Receive queues that its driver can handle, 1 or more; default 1. */
  readonly rxQueues?: number;
  /** Transmit queues, likewise. */
  readonly txQueues?: number;
}

/**
 * A network device as its driver has it: Linux's `struct net_device`, as far as there is a use for it.
 * The driver makes one with {@link allocEtherdev}, fills in what the hardware tells, at the latest in
 * its `probe`, and has it registered. Users get a `Netdev` instead, and never see this.
 *
 * What stands here stands nowhere else: the MTU, its limits and the numbers of queues are the device's,
 * so a driver has no ops to tell them.
 */
export class NetDevice<Priv extends NetdevOps = NetdevOps> {
  /** Name of its driver. */
  readonly driverName: string;
  /** The driver's state of this device, with the ops as its methods. */
  readonly priv: Priv;
  /** Receive queues that it was allocated with: the most that it can have. */
  readonly rxQueues: number;
  /** Transmit queues, likewise. */
  readonly txQueues: number;

  /** Hardware type, `ARPHRD_…`. */
  type = 0;
  /** Bytes of the link layer's header. */
  hardHeaderLength = 0;
  /** Bytes of an address. */
  addressLength = 0;
  /** The address of all stations. */
  broadcast: Uint8Array = new Uint8Array(0);
  /** What it's able to do, `IFF_…`. */
  flags = 0;
  /** Largest packet to send, in bytes behind the link layer's header. */
  mtu = 0;
  /** The least that may be set to. */
  minMtu = 0;
  /** The most. */
  maxMtu = 0;
  /** Packets that may wait for a device without room, for who queues any (Linux: qdisc). */
  txQueueLength = 0;

  #name: string;
  #state: NetDeviceState = NetDeviceState.UNINITIALIZED;
  #realRxQueues: number;
  #realTxQueues: number;

  /** For {@link allocNetdev}, which checks these. */
  constructor(options: Required<NetDeviceOptions<Priv>>) {
    this.driverName = options.driverName;
    this.priv = options.priv;
    this.#name = options.name;
    this.rxQueues = this.#realRxQueues = options.rxQueues;
    this.txQueues = this.#realTxQueues = options.txQueues;
  }

  /** Its name; before it's registered perhaps a pattern. */
  get name(): string {
    return this.#name;
  }

  /** Where it stands. */
  get state(): NetDeviceState {
    return this.#state;
  }

  /** Receive queues that it does have: as many as it was allocated with, unless its driver said fewer. */
  get realRxQueues(): number {
    return this.#realRxQueues;
  }

  /** Transmit queues, likewise. */
  get realTxQueues(): number {
    return this.#realTxQueues;
  }

  /**
   * Linux's `netif_set_real_num_queues`: what a driver learns of its hardware that was allocated
   * before it looked there, at the latest in its `probe`. `NetdevError("EINVAL")`, and nothing
   * changed, for a number below 1 or above what it was allocated with.
   */
  setRealQueues(rxQueues: number, txQueues: number): void {
    checkRealQueues("receive", rxQueues, this.rxQueues);
    checkRealQueues("transmit", txQueues, this.txQueues);
    this.#realRxQueues = rxQueues;
    this.#realTxQueues = txQueues;
  }

  /** It was registered under this name. For the registry. */
  registered(name: string): void {
    this.#name = name;
    this.#state = NetDeviceState.REGISTERED;
  }

  /** It's registered no more. For the registry. */
  unregistered(): void {
    this.#state = NetDeviceState.UNREGISTERED;
  }
}

/**
 * Linux's `alloc_netdev_mqs`: makes a device that nobody knows of yet, and has `setup` fill in the
 * values of its kind. `NetdevError("EINVAL")` for a name that can't be, and for a number of queues
 * below 1.
 */
export function allocNetdev<Priv extends NetdevOps>(
  options: NetDeviceOptions<Priv>,
  setup: (device: NetDevice) => void,
): NetDevice<Priv> {
  const { driverName, priv, name = "net%d", rxQueues = 1, txQueues = 1 } = options;
  checkName(name);
  checkQueues("receive", rxQueues);
  checkQueues("transmit", txQueues);
  const device = new NetDevice({ driverName, priv, name, rxQueues, txQueues });
  setup(device);
  return device;
}

/** Linux's `ether_setup`: the values of an Ethernet device, to be changed where one is different. */
export function etherSetup(device: NetDevice): void {
  device.type = ARPHRD_ETHER;
  // Destination, source and EtherType (IEEE 802.3 §3.1.1).
  device.hardHeaderLength = 14;
  device.addressLength = 6;
  device.broadcast = new Uint8Array(6).fill(0xff);
  device.flags = IFF_BROADCAST | IFF_MULTICAST;
  device.mtu = 1500;
  // The smallest that IPv4 allows (RFC 791 §3.2).
  device.minMtu = 68;
  device.maxMtu = 1500;
  device.txQueueLength = 1000;
}

/** Linux's `alloc_etherdev`: {@link allocNetdev} with {@link etherSetup}. */
export function allocEtherdev<Priv extends NetdevOps>(
  options: NetDeviceOptions<Priv>,
): NetDevice<Priv> {
  return allocNetdev(options, etherSetup);
}

function checkQueues(kind: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw new NetdevError("EINVAL", `a device with ${count} ${kind} queues: at least 1 is needed`);
}

function checkRealQueues(kind: string, count: number, most: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new NetdevError("EINVAL", `${count} ${kind} queues: it was allocated with 1 to ${most}`);
}
