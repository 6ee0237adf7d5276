import { runNetdev, type RunningHost } from "../app/run_netdev.ts";
import type { VirtioNet } from "../drivers/virtio/virtio_net.ts";
import { burstArray } from "../netdev/burst_array.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { NetbufPool } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import type { Host } from "../stack/mod.ts";
import { EchoPartner, type PartnerOptions } from "../tests/device/echo_partner.ts";
import { probeVirtioNet } from "../tests/device/probe_virtio_net.ts";
import { HOST_IP, HOST_MAC, ip, mac, PEER_IP } from "../tests/stack/frames.ts";
import { type NullDriver, nullDriver } from "./null_driver.ts";
import { QUIET } from "../tests/stack/quiet_observer.ts";

/** A device, and what carries the frames that it receives back to it. */
export interface EchoPath {
  readonly name: string;
  readonly partner: EchoPartner;
  /** Takes the `count` frames that the partner has offered, and sends what becomes of them. */
  turn(count: number): void;
}

/** The largest burst. */
const MOST_FRAMES = 64;

/** What follows the frame in a second piece. */
const PIECE_BYTES = 60;

/**
 * One path a layer, each through all layers of those before it, so that what a layer costs is a
 * difference. The first has no driver, and the last is the appliance as it runs.
 */
export function echoPaths(
  requests: readonly Uint8Array[],
  options: PartnerOptions = {},
): EchoPath[] {
  return [
    new DevicePath(requests, options),
    new DriverPath(requests, options),
    new NetdevPath(requests, options),
    new StackPath(requests, options),
    new PollPath(requests, options),
  ];
}

/** The device alone: what to subtract. */
class DevicePath implements EchoPath {
  readonly name = "device";
  readonly partner: EchoPartner;
  readonly #driver: NullDriver;

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    this.#driver = nullDriver(this.partner);
  }

  turn(count: number): void {
    this.#driver.turn(count);
  }
}

/** The driver, called as netdev calls it: frames go back as they came. */
class DriverPath implements EchoPath {
  readonly name = "driver";
  readonly partner: EchoPartner;
  readonly #driver: VirtioNet;
  readonly #netbufs: Netbuf[] = burstArray(MOST_FRAMES);

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    const { netdev, driver } = probeVirtioNet(this.partner, this.partner.ring);
    run(netdev);
    this.#driver = driver;
  }

  turn(count: number): void {
    this.#driver.txqReclaim(0);
    const received = this.#driver.rxBurst(0, this.#netbufs, count);
    this.#driver.txBurst(0, this.#netbufs, 0, received);
  }
}

/** The driver, and each frame goes back in two pieces, the second one of a netbuf of its own. */
export class ChainPath implements EchoPath {
  readonly name = "chain";
  readonly partner: EchoPartner;
  readonly #driver: VirtioNet;
  readonly #pool: NetbufPool;
  readonly #netbufs: Netbuf[] = burstArray(MOST_FRAMES);

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    const { netdev, driver } = probeVirtioNet(this.partner, this.partner.ring);
    this.#pool = runHost(netdev).pool;
    this.#driver = driver;
  }

  turn(count: number): void {
    this.#driver.txqReclaim(0);
    const received = this.#driver.rxBurst(0, this.#netbufs, count);
    for (let i = 0; i < received; i++) {
      const piece = this.#pool.alloc();
      if (piece === null) throw new Error("the pool is dry");
      piece.length = PIECE_BYTES;
      this.#netbufs[i].append(piece);
    }
    this.#driver.txBurst(0, this.#netbufs, 0, received);
  }
}

/** And netdev's calls around it. */
class NetdevPath implements EchoPath {
  readonly name = "netdev";
  readonly partner: EchoPartner;
  readonly #netdev: Netdev;
  readonly #netbufs: Netbuf[] = burstArray(MOST_FRAMES);

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    this.#netdev = probeVirtioNet(this.partner, this.partner.ring).netdev;
    run(this.#netdev);
  }

  turn(count: number): void {
    this.#netdev.txqReclaim(0);
    const received = this.#netdev.rxBurst(0, this.#netbufs, count);
    this.#netdev.txBurst(0, this.#netbufs, 0, received);
  }
}

/** And the host, which checks each frame and turns it into its reply. */
class StackPath implements EchoPath {
  readonly name = "stack";
  readonly partner: EchoPartner;
  readonly #netdev: Netdev;
  readonly #host: Host;
  readonly #netbufs: Netbuf[] = burstArray(MOST_FRAMES);

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    this.#netdev = probeVirtioNet(this.partner, this.partner.ring).netdev;
    this.#host = run(this.#netdev);
  }

  turn(count: number): void {
    this.#netdev.txqReclaim(0);
    const received = this.#netdev.rxBurst(0, this.#netbufs, count);
    if (this.#host.answer(this.#netbufs, 0, received) !== received) throw new Error("no reply");
    this.#netdev.txBurst(0, this.#netbufs, 0, received);
  }
}

/** And who polls: scheduler and network interface, as the appliance's loop calls them. */
class PollPath implements EchoPath {
  readonly name = "poll";
  readonly partner: EchoPartner;
  readonly #scheduler = new PollScheduler();

  constructor(requests: readonly Uint8Array[], options: PartnerOptions) {
    this.partner = new EchoPartner(mac(HOST_MAC), requests, options);
    run(probeVirtioNet(this.partner, this.partner.ring).netdev, this.#scheduler);
  }

  turn(_count: number): void {
    this.#scheduler.round(0);
  }
}

function run(netdev: Netdev, scheduler: PollScheduler = new PollScheduler()): Host {
  return runHost(netdev, scheduler).host;
}

function runHost(netdev: Netdev, scheduler: PollScheduler = new PollScheduler()): RunningHost {
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: ip(PEER_IP) };
  return runNetdev(netdev, place, scheduler, QUIET);
}
