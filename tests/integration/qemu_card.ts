import { runNetdev, type RunningHost } from "../../app/run_netdev.ts";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import type { PciDevice } from "../../drivers/pci/pci_device.ts";
import { QemuHost } from "../../drivers/pci/qemu/qemu_host.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { VirtioNetEvents } from "../../drivers/virtio/virtio_net_card.ts";
import { VirtioPciModern } from "../../drivers/virtio/virtio_pci_modern.ts";
import type { QueueDoorbell, VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollLoop, type Ticker } from "../../netdev/poll_loop.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { HostObserver } from "../../stack/mod.ts";
import { HOST_IP, HOST_MAC, ip, PEER_IP } from "../stack/frames.ts";
import { uniqueHub } from "./appliance.ts";

/** The transport as it is, and where the queues lie that went over it. */
class WatchedTransport extends VirtioPciModern {
  readonly queues: VirtqueueAddresses[] = [];

  override queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.queues[index] = addresses;
    return super.queueEnable(index, addresses);
  }
}

/** A started card, its host, and the scheduler of its queue. */
export interface RunningCard extends RunningHost {
  readonly scheduler: PollScheduler;
}

/** A real QEMU in whose memory, bus and rings a test may put its hands: all in this process. */
export class QemuCard implements AsyncDisposable {
  readonly waiter: FdWaiter;
  readonly registry = new NetdevRegistry();
  readonly host: QemuHost;
  readonly hub: string;
  /** Why QEMU has ended, if it has. */
  gone: string | null = null;
  #transport: WatchedTransport | null = null;
  #probes = 0;

  private constructor(waiter: FdWaiter, hub: string, host: QemuHost) {
    this.waiter = waiter;
    this.hub = hub;
    this.host = host;
  }

  /** Starts QEMU. */
  static async start(): Promise<QemuCard> {
    const waiter = new FdWaiter(monotonicClock);
    const hub = uniqueHub();
    const cards: QemuCard[] = [];
    const host = await QemuHost.start({
      nic: { model: "virtio-net-pci", mac: HOST_MAC, mtu: 1500 },
      netdev: "user,restrict=on",
      hub,
      onGone: (reason) => {
        for (const card of cards) card.gone = reason;
      },
    }, waiter);
    const card = new QemuCard(waiter, hub, host);
    cards.push(card);
    return card;
  }

  /** Finds the card on the bus, and probes it. */
  probe(events: VirtioNetEvents = {}): Netdev {
    const virtioBus = new VirtioBus(monotonicClock);
    virtioBus.registerDriver(virtioNetDriver(this.registry, () => {}, events));
    const pciBus = new PciBus(this.host);
    pciBus.registerDriver({
      name: "watched",
      ids: [{ vendorId: 0x1af4, deviceId: 0x1041, driverData: null }],
      probe: (device: PciDevice) => {
        this.#transport = new WatchedTransport(device);
        virtioBus.addDevice(this.#transport);
      },
      remove: () => {
        if (this.#transport !== null) virtioBus.removeDevice(this.#transport);
      },
    });
    pciBus.probe();
    const netdev = this.registry.get(this.#probes++);
    netdev.probe();
    return netdev;
  }

  /** Configures a probed card, starts it, and puts a host on it. */
  run(netdev: Netdev, observer: Partial<HostObserver> = {}): RunningCard {
    const scheduler = new PollScheduler();
    const place = { address: ip(HOST_IP), prefixLength: 24, gateway: ip(PEER_IP) };
    const running = runNetdev(netdev, place, scheduler, { ...SILENT, ...observer });
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
    const queue = this.#transport?.queues[index];
    if (queue === undefined) throw new Error(`queue ${index} is not set up`);
    return queue;
  }
}

const SILENT: HostObserver = {
  firstArp(): void {},
  firstEchoRequest(): void {},
  echoReply(): void {},
  resolutionFailed(): void {},
  addressConflict(): void {},
};
