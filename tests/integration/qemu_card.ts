import { runNetdev, type RunningHost } from "../../app/run_netdev.ts";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { MicrovmHost } from "../../drivers/pci/qemu/microvm_host.ts";
import { QemuHost } from "../../drivers/pci/qemu/qemu_host.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { VirtioNetEvents } from "../../drivers/virtio/virtio_net_card.ts";
import { probeVirtioMmio } from "../../drivers/virtio/virtio_mmio.ts";
import { virtioPciDriver, type VirtioPciOptions } from "../../drivers/virtio/virtio_pci.ts";
import type { VirtioTransport, VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollLoop, type Ticker } from "../../netdev/poll_loop.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { HostObserver } from "../../stack/mod.ts";
import { HOST_IP, HOST_MAC, ip, PEER_IP } from "../stack/frames.ts";
import { uniqueHub } from "./appliance.ts";
import { QUIET } from "../stack/quiet_observer.ts";

/** The bus as it is, and where the queues lie of what was added to it. */
class WatchedBus extends VirtioBus {
  /** Of the device that was added last. */
  transport: VirtioTransport | null = null;
  readonly queues: VirtqueueAddresses[] = [];

  override addDevice(transport: VirtioTransport): void {
    const queueEnable = transport.queueEnable.bind(transport);
    transport.queueEnable = (index, addresses) => {
      this.queues[index] = addresses;
      return queueEnable(index, addresses);
    };
    this.transport = transport;
    super.addDevice(transport);
  }
}

/** What card to have; by default a modern one on PCI. */
export interface QemuCardOptions {
  /** QEMU's properties of a virtio-net-pci. */
  readonly properties?: string;
  /** A virtio-net-device in a microvm instead, behind virtio-mmio of this version. */
  readonly mmio?: 1 | 2;
}

/** A started card, its host, and the scheduler of its queue. */
export interface RunningCard extends RunningHost {
  readonly scheduler: PollScheduler;
}

/** A real QEMU in whose memory, bus and rings a test may put its hands: all in this process. */
export class QemuCard implements AsyncDisposable {
  readonly waiter: FdWaiter;
  readonly registry = new NetdevRegistry();
  readonly host: QemuHost | MicrovmHost;
  readonly hub: string;
  /** Why QEMU has ended, if it has. */
  gone: string | null = null;
  #bus = new WatchedBus(monotonicClock);
  #probes = 0;

  private constructor(waiter: FdWaiter, hub: string, host: QemuHost | MicrovmHost) {
    this.waiter = waiter;
    this.hub = hub;
    this.host = host;
  }

  /** Starts QEMU. */
  static async start({ properties = "", mmio }: QemuCardOptions = {}): Promise<QemuCard> {
    const waiter = new FdWaiter(monotonicClock);
    const hub = uniqueHub();
    const cards: QemuCard[] = [];
    const model = mmio === undefined ? "virtio-net-pci" : "virtio-net-device";
    const options = {
      nic: { model, mac: HOST_MAC, mtu: 1500, properties },
      netdev: "user,restrict=on",
      hub,
      monitor: `${hub}-monitor`,
      onGone: (reason: string) => {
        for (const card of cards) card.gone = reason;
      },
    };
    const host = mmio === undefined
      ? await QemuHost.start(options, waiter)
      : await MicrovmHost.start({ ...options, legacy: mmio === 1 }, waiter);
    const card = new QemuCard(waiter, hub, host);
    cards.push(card);
    return card;
  }

  /** Finds the card, and probes it. */
  probe(events: VirtioNetEvents = {}, options: VirtioPciOptions = {}): Netdev {
    this.#bus = new WatchedBus(monotonicClock);
    this.#bus.registerDriver(virtioNetDriver(this.registry, () => {}, events));
    if (this.host instanceof MicrovmHost) {
      probeVirtioMmio(this.#bus, this.host.slots);
    } else {
      const pciBus = new PciBus(this.host);
      pciBus.registerDriver(virtioPciDriver(this.#bus, options));
      pciBus.probe();
    }
    const netdev = this.registry.get(this.#probes++);
    netdev.probe();
    return netdev;
  }

  /** How the card is reached, once it's probed. */
  get transport(): VirtioTransport {
    const { transport } = this.#bus;
    if (transport === null) throw new Error("no card is probed");
    return transport;
  }

  /** Configures a probed card, starts it, and puts a host on it. */
  run(netdev: Netdev, observer: Partial<HostObserver> = {}): RunningCard {
    const scheduler = new PollScheduler();
    const place = { address: ip(HOST_IP), prefixLength: 24, gateway: ip(PEER_IP) };
    const running = runNetdev(netdev, place, scheduler, { ...QUIET, ...observer });
    return { ...running, scheduler };
  }

  /** Runs the loop until it's true, asked at each turn, or for so long; whether it came true. */
  async runUntil(
    { scheduler, networkInterface }: RunningCard,
    done: (now: number) => boolean,
    milliseconds: number,
    ...tickers: readonly Ticker[]
  ): Promise<boolean> {
    const { waiter } = this;
    const loop = new PollLoop({ clock: monotonicClock, waiter, scheduler, busyPoll: 0.05 });
    const deadline = monotonicClock.now() + milliseconds;
    let came = false;
    for (const ticker of [networkInterface, ...tickers]) loop.addTicker(ticker);
    loop.addTicker({
      tick: (now) => {
        came = done(now);
        if (came || now >= deadline) loop.stop();
        return Math.min(now + 1, Math.ceil(deadline));
      },
    });
    await loop.run();
    return came;
  }

  /** Writes nonsense as the device would: a used element that names no buffer, and its index. */
  breakUsedRing(queue: number): void {
    const { deviceArea, size } = this.#queue(queue);
    const { u16, u32 } = this.host.dma.region;
    for (let i = 0; i < size; i++) u32[(deviceArea + 4 + 8 * i) >>> 2] = 0xdead_beef;
    Atomics.add(u16, (deviceArea + 2) >>> 1, 1);
  }

  /** Writes nonsense as the driver would: more buffers than the ring has. QEMU can't go on then. */
  breakAvailableRing(queue: number): void {
    const { driverArea, size } = this.#queue(queue);
    Atomics.add(this.host.dma.region.u16, (driverArea + 2) >>> 1, 2 * size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    this.waiter[Symbol.dispose]();
  }

  #queue(index: number): VirtqueueAddresses {
    const queue = this.#bus.queues[index];
    if (queue === undefined) throw new Error(`queue ${index} is not set up`);
    return queue;
  }
}
