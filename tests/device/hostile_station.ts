import { DeviceRecovery } from "../../app/device_recovery.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { Host } from "../../stack/host.ts";
import { NetworkInterface } from "../../stack/network_interface.ts";
import { FakeClock } from "../netdev/fake_clock.ts";
import type { SeededRandom } from "../stack/seeded_random.ts";
import type { DoubleFetchWatch } from "./double_fetch_watch.ts";
import { HeldTasks } from "./held_tasks.ts";
import type { HostileCard } from "./hostile_card.ts";
import { type HostilePlace, hostilePlace, type Way } from "./hostile_place.ts";
import { OBSERVER, STATION } from "./hostile_traffic.ts";
import { NetbufOracle } from "./netbuf_oracle.ts";
import { VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";
import { watchBursts } from "./watched_bursts.ts";

/** Milliseconds that a look at the clock takes, so that a reset is soon given up. */
const CLOCK_STEP_MS = 30;

/** Netbufs at most for each pair of queues. */
const MOST_NETBUFS = 80;

/** Sleeps no longer than that, and without interrupts just so long. */
const SLEEP_MS = 50;

/** What stands on a card while it runs. */
interface Running {
  readonly host: Host;
  readonly networkInterface: NetworkInterface;
  readonly recovery: DeviceRecovery;
  readonly oracle: NetbufOracle;
}

/**
 * The whole driver and a host on a hostile card, as `serve` has them: with recovery, and all that is to
 * happen by and by. Time goes on as it's told.
 */
export class HostileStation implements Disposable {
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  readonly scheduler = new PollScheduler({ clock: new FakeClock() });
  readonly place: HostilePlace;
  /** Changes of configuration that nobody has looked at. */
  readonly tasks = new HeldTasks();
  now = 1;
  /** Why the card was given up; null while it wasn't. */
  over: string | null = null;
  resets = 0;
  /** Pairs of queues in use. */
  pairs = 1;
  readonly #card: HostileCard;
  readonly #random: SeededRandom;
  readonly #memory: number;
  #failure: string | null = null;
  /** It was started before, or that was tried, and isn't now. */
  #stopped = false;
  #running: Running | null = null;

  /** Plugs the card in, which is reached by `way`. */
  constructor(card: HostileCard, way: Way, ring: RingFormat, random: SeededRandom) {
    this.#card = card;
    this.#random = random;
    const registry = new NetdevRegistry();
    const drivers: VirtioNet[] = [];
    const bus = new VirtioBus(new FakeClock(0, CLOCK_STEP_MS));
    bus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), {
      ring,
      onLink: () => this.#heard(),
      onAnnounce: () => {
        this.#heard();
        this.announce();
      },
      onFailure: (reason) => {
        this.#heard();
        this.#fail(reason);
      },
      coalescing: { rx: { maxPackets: 8, maxMicroseconds: 50 } },
    }));
    this.place = hostilePlace(way, card, bus, random);
    this.#memory = this.place.dma.available;
    this.place.plug();
    this.netdev = registry.get(0);
    this.driver = drivers[0];
  }

  /** What is lent and what is whose, once it runs. */
  get oracle(): NetbufOracle | null {
    return this.#running?.oracle ?? null;
  }

  /** Sets up a probed card, and starts it; `watch` is told of the calls of its netdev. */
  start(watch: DoubleFetchWatch | null): void {
    const { netdev, scheduler } = this;
    const pool = this.#configure();
    const networkInterface = new NetworkInterface(netdev, pool, scheduler, this.pairs);
    const onEvent = (pair: number): void => {
      this.#heard();
      networkInterface.onEvent(pair);
    };
    for (let pair = 0; pair < this.pairs; pair++) {
      netdev.rxqConfigure(pair, 0, { pool, onEvent });
      netdev.txqConfigure(pair, 0);
    }
    const oracle = this.#card.oracle = new NetbufOracle(pool);
    watchBursts(netdev, this.#card, oracle);
    watch?.watchCalls(netdev);
    this.#watchStops();
    netdev.start();
    const leaveChecksums = this.#random.below(2) === 0;
    const config = { ...STATION, mtu: netdev.mtuGet(), leaveChecksums };
    const host = new Host(config, networkInterface, OBSERVER);
    networkInterface.attach(host);
    const recovery = new DeviceRecovery(netdev, networkInterface, {
      onReset: () => void this.resets++,
      onGiveUp: (reason) => void (this.over = reason),
    });
    if (this.#failure !== null) recovery.fail(this.#failure);
    this.#running = { host, networkInterface, recovery, oracle };
  }

  /** Says who has its address. */
  announce(): void {
    this.#running?.host.announce(this.now);
  }

  /** Does what is due by now; when the next of it is. */
  tick(): number {
    if (this.#running === null) return Infinity;
    const { recovery, networkInterface } = this.#running;
    return Math.min(
      recovery.tick(this.now),
      networkInterface.tick(this.now),
      this.netdev.watchdog(this.now),
    );
  }

  /** A turn of the loop, and a sleep where there's nothing to do; whether there was one. */
  turn(): boolean {
    this.tasks.run();
    this.scheduler.round(this.now);
    const deadline = this.tick();
    const sleeps = this.scheduler.arm();
    const until = this.#polls ? this.now + SLEEP_MS : Math.min(deadline, this.now + SLEEP_MS);
    if (sleeps) this.now = Math.max(this.now + 1, until);
    return sleeps;
  }

  /** No netbuf is anywhere but in the pool or with the card. One that is gone doesn't tell. */
  account(): void {
    this.#card.collect();
    if (!this.#card.gone) this.oracle?.checkWhole();
  }

  /** Throws for what is left of a card that was let go of. */
  checkClean(): void {
    this.oracle?.checkWhole();
    const { available } = this.place.dma;
    if (available !== this.#memory) {
      throw new Error(`${this.#memory - available} bytes of DMA memory are not given back`);
    }
    this.#card.interruptAll();
    this.#card.configChanged();
    this.#card.onStray(3);
    this.tasks.run();
    this.place.checkClean();
  }

  [Symbol.dispose](): void {
    this.tasks[Symbol.dispose]();
  }

  /** Nothing interrupts, so each turn may be that in which something is looked at. */
  get #polls(): boolean {
    return !this.netdev.infoGet().rxqInterrupts;
  }

  #configure(): NetbufPool {
    const random = this.#random;
    const { netdev } = this;
    const { pairs } = this.#card;
    const pairsToUse = random.below(3) === 0 ? 1 + random.below(pairs) : pairs;
    this.pairs = pairsToUse;
    netdev.configure({ rxQueues: pairsToUse, txQueues: pairsToUse });
    let received = 0;
    let sent = 0;
    for (let pair = 0; pair < pairsToUse; pair++) {
      received += netdev.rxqInfoGet(pair).maxDescriptors;
      sent += netdev.txqInfoGet(pair).maxDescriptors;
    }
    const mergeable = (this.#card.accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    const stride = mergeable && random.below(2) === 0 ? 512 : 2048;
    // One in three has less than its rings take, so that they run dry. Of several receive queues each
    // has to have one at least, and the first one takes what it gets.
    const least = pairsToUse === 1 ? 6 : received + 6;
    const dry = random.below(3) === 0;
    const count = dry ? least + random.below(received + sent - least + 6) : received + sent + 8;
    return netdev.poolCreate({ count: Math.min(count, MOST_NETBUFS * pairsToUse), stride });
  }

  /** Of a card that is stopped nothing may be heard. */
  #heard(): void {
    if (this.#stopped) throw new Error("a card that is stopped is heard");
  }

  #watchStops(): void {
    const { netdev } = this;
    const start = netdev.start.bind(netdev);
    const stop = netdev.stop.bind(netdev);
    netdev.start = () => {
      this.#stopped = false;
      try {
        start();
      } catch (error) {
        this.#stopped = true;
        throw error;
      }
    };
    netdev.stop = () => {
      try {
        stop();
      } finally {
        this.#stopped = true;
      }
    };
  }

  #fail(reason: string): void {
    if (this.#running === null) this.#failure = reason;
    else this.#running.recovery.fail(reason);
  }
}
