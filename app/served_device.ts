import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";
import type { NetdevStats } from "../netdev/netdev_stats.ts";
import type { Ticker } from "../netdev/poll_loop.ts";
import type { PollScheduler } from "../netdev/poll_scheduler.ts";
import type { DeviceCounters } from "./counters_text.ts";
import type { OpenDevice } from "./device.ts";
import { DeviceLog } from "./device_log.ts";
import type { DeviceOptions } from "./device_options.ts";
import { DeviceRecovery } from "./device_recovery.ts";
import { EchoClient } from "./echo_client.ts";
import type { Log } from "./log.ts";
import { openDevice } from "./open_device.ts";
import { moveHost, runNetdev, type RunningHost } from "./run_netdev.ts";

/** How long the gateway has to answer our one ping, ARP included. */
const GATEWAY_PATIENCE_MS = 3000;

/** What the devices of an appliance share. */
export interface Appliance {
  readonly log: Log;
  readonly clock: Clock;
  readonly waiter: FdWaiter;
  readonly scheduler: PollScheduler;
  readonly registry: NetdevRegistry;
  /** Whether there's more than one device. */
  readonly several: boolean;
  /** Whether the checksum of echo replies is left to devices that can make it. */
  readonly leaveChecksums: boolean;
}

/** A device that was started, the host on it, and who looks after it. */
interface Running {
  /** Closed, while the device is taken out. */
  readonly netdev: Netdev;
  readonly host: RunningHost;
  readonly recovery: DeviceRecovery;
}

/**
 * One device of an appliance, from opening it to its end, with a host of its own. Devices share the
 * loop and its scheduler, and nothing else: no frame goes from one to another.
 */
export class ServedDevice implements Ticker {
  /** What it will be, or is, called. */
  readonly name: string;
  /** Why it's gone for good, in one line; null while it isn't. */
  failure: string | null = null;

  readonly #options: DeviceOptions;
  readonly #appliance: Appliance;
  readonly #log: DeviceLog;
  #device: OpenDevice | null = null;
  #running: Running | null = null;
  /** What the device had counted when it was taken out; null while it's there. */
  #takenOut: NetdevStats | null = null;
  #gatewayPing: EchoClient | null = null;
  #plugs = 0;
  #unplugs = 0;
  /** Resets of those that were taken out since. */
  #resetsBefore = 0;
  /** What had been counted when it was closed. */
  #last: DeviceCounters | null = null;

  /** Opens nothing yet. `number`: of the device, as it will be registered. */
  constructor(number: number, options: DeviceOptions, appliance: Appliance) {
    this.name = `net${number}`;
    this.#options = options;
    this.#appliance = appliance;
    this.#log = new DeviceLog(appliance.log, this.name, appliance.several);
  }

  /** Opens the device. The errors of its driver when it can't be; `stopping` ends a wait for somebody. */
  async open(stopping: AbortSignal): Promise<void> {
    const { waiter, clock, registry } = this.#appliance;
    const config = {
      ...this.#options,
      registry,
      onGone: (reason: string) => this.#fail(reason),
      onFailure: (reason: string) => this.#recover(reason),
      onLink: (up: boolean) => this.#link(up),
      onAnnounce: () => this.#announceAsAsked(),
      onUnplug: () => this.#unplug(),
      onPlug: (netdev: Netdev) => this.#plug(netdev),
      onUnusable: (reason: string) => this.#log.unusable(reason),
      onWaiting: (where: string) => this.#log.waiting(where),
      stopping,
    };
    this.#device = await openDevice(this.#options.device, config, waiter, clock);
  }

  /** Starts it with its host, and has the host announce itself: it answers from the next poll on. */
  start(): void {
    const device = this.#device;
    // One that went while others were opened has nothing to be started.
    if (device === null || this.failure !== null) return;
    const { netdev } = device;
    const { ip, ranges, gateway, macGiven } = this.#options;
    const mac = macGiven ? this.#options.mac : null;
    const host = runNetdev(
      netdev,
      { ...ip, ranges, gateway, mac, leaveChecksums: this.#appliance.leaveChecksums },
      this.#appliance.scheduler,
      this.#log.observer(() => this.#gatewayPing),
      this.#options.queues,
      this.#options.ringSize,
    );
    this.#running = { netdev, host, recovery: this.#lookAfter(netdev, host) };
    this.#log.device(netdev, device, this.#options);
    this.#log.ready(netdev, this.#options);
    this.#announce();
    if (gateway !== null) this.#gatewayPing = this.#pingGateway(host, gateway);
  }

  tick(now: number): number {
    const running = this.#running;
    if (running === null || this.failure !== null) return Infinity;
    const { netdev, host, recovery } = running;
    // Each millisecond: Math.min() would have V8 make a number on the heap, each time.
    let deadline = this.#takenOut === null ? recovery.tick(now) : Infinity;
    const ping = this.#gatewayPing?.tick(now) ?? Infinity;
    if (ping < deadline) deadline = ping;
    const network = host.networkInterface.tick(now);
    if (network < deadline) deadline = network;
    const watchdog = netdev.watchdog(now);
    return watchdog < deadline ? watchdog : deadline;
  }

  /** All there is to count; once it's closed, what there was. Null for one that never ran. */
  counters(): DeviceCounters | null {
    const running = this.#running;
    if (running === null) return this.#last;
    const { netdev, host, recovery } = running;
    return {
      device: this.name,
      netdev: this.#takenOut ?? netdev.statsGet(),
      host: host.host.counters(),
      interface: {
        resets: this.#resetsBefore + recovery.resets,
        unplugs: this.#unplugs,
        plugs: this.#plugs,
        drops: { ...host.networkInterface.drops },
        rxPolls: host.networkInterface.queues.map(({ napiCounters }) => ({ ...napiCounters })),
      },
    };
  }

  /** Says that it has failed, and closes it; the others go on. */
  async abandon(): Promise<void> {
    this.#log.failed(this.failure ?? "");
    try {
      await this.close();
    } catch {
      // Of a device that is gone, what went wrong has been told.
    }
  }

  /** Resets the device and gives back all that belongs to it. Nothing is left to be polled at once. */
  async close(): Promise<void> {
    const device = this.#device;
    if (device === null) return;
    this.#device = null;
    this.#last = this.counters();
    this.#running?.host.networkInterface.suspend();
    this.#running = null;
    await device.close();
  }

  /** Leaves the device alone for good. What the host knows and has counted stays. */
  #unplug(): void {
    const running = this.#running;
    if (running === null || this.#takenOut !== null) return;
    this.#takenOut = running.netdev.statsGet();
    running.host.networkInterface.suspend();
    this.#unplugs++;
    this.#log.unplugged(this.#unplugs);
  }

  /** Puts the host on the device that has come in place of the one before. */
  #plug(netdev: Netdev): void {
    const [device, before] = [this.#device, this.#running];
    if (device === null || before === null || this.#takenOut === null) return;
    const host = moveHost(before.host, netdev);
    this.#resetsBefore += before.recovery.resets;
    this.#running = { netdev, host, recovery: this.#lookAfter(netdev, host) };
    this.#takenOut = null;
    this.#plugs++;
    this.#log.device(netdev, device, this.#options);
    this.#log.plugged(this.#plugs);
    this.#announce();
  }

  #lookAfter(netdev: Netdev, { networkInterface }: RunningHost): DeviceRecovery {
    return new DeviceRecovery(netdev, networkInterface, {
      onReset: (reason) => this.#log.reset(reason),
      onGiveUp: (reason) => this.#fail(reason),
    });
  }

  #recover(reason: string): void {
    if (this.#takenOut !== null) return;
    if (this.#running === null) this.#fail(reason);
    else this.#running.recovery.fail(reason);
  }

  /** May be called from anywhere, in the middle of a burst too: the loop's next turn ends it. */
  #fail(reason: string): void {
    this.failure ??= reason;
    this.#appliance.waiter.wake();
  }

  #link(up: boolean): void {
    if (this.#takenOut !== null) return;
    this.#log.link(up);
    // Who is there now may know us under another MAC address, or not at all.
    if (up) this.#announce();
  }

  /** The hypervisor moved the device, or was told to act as if it had. */
  #announceAsAsked(): void {
    if (this.#running === null || this.#takenOut !== null) return;
    this.#log.announcing();
    this.#announce();
  }

  #announce(): void {
    this.#running?.host.host.announce(Math.floor(this.#appliance.clock.now()));
  }

  /** One echo request to the gateway: the first thing to see is a packet that went there and back. */
  #pingGateway({ host }: RunningHost, gateway: number): EchoClient {
    const client: EchoClient = new EchoClient(host, this.#appliance.clock, {
      destination: gateway,
      identifier: Deno.pid & 0xffff,
      count: 1,
      interval: 0,
      payloadLength: 56,
      linger: 0,
      patience: GATEWAY_PATIENCE_MS,
    }, {
      onReply: (reply) => this.#log.gateway(gateway, reply, GATEWAY_PATIENCE_MS),
      onDone: () => {
        if (client.received === 0) this.#log.gateway(gateway, null, GATEWAY_PATIENCE_MS);
      },
    });
    return client;
  }
}
