import { DeviceRecovery } from "../../app/device_recovery.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { Host } from "../../stack/host.ts";
import { NetworkInterface } from "../../stack/network_interface.ts";
import { FakeClock } from "../netdev/fake_clock.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import type { HostileCard } from "./hostile_card.ts";
import { type Fault, FAULTS } from "./hostile_faults.ts";
import { anyHostileCard } from "./hostile_kinds.ts";
import type { HostileTally } from "./hostile_tally.ts";
import { EXCHANGES, isSame, OBSERVER, PINGS, STATION } from "./hostile_traffic.ts";
import { NetbufOracle } from "./netbuf_oracle.ts";
import { watchBursts } from "./watched_bursts.ts";
import { VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";

/** Faults with which no card is taken. */
const NEVER_GOOD: ReadonlySet<string> = new Set(["refusesFeatures", "configNeverStays"]);

/** Steps that are kept to be told with a failure. */
const TRACE = 60;

/** Turns of the loop in which an honest ping has to be answered, resets and their waits included. */
const PATIENCE = 400;
/** Turns for what is still under way; and those after which a ping is sent again that met a reset. */
const QUIET = 3;
const RESEND = 12;

/** Milliseconds that a look at the clock takes, so that a reset is soon given up. */
const CLOCK_STEP_MS = 20;

const FAULT_LIST: readonly (readonly [string, Fault])[] = Object.entries(FAULTS);

/**
 * A hostile card from being plugged in to its end, with the whole driver and a host on it. All that
 * happens follows from the seed: nothing else is random, and all clocks are its own. A driver that
 * throws, loses a netbuf, touches one that it has lent, or leaves an honest ping unanswered ends it
 * with an exception that tells the last steps.
 */
export class HostileLife {
  readonly #seed: number;
  readonly #ring: RingFormat;
  readonly #tally: HostileTally;
  readonly #random: SeededRandom;
  readonly #card: HostileCard;
  readonly #honest: Uint8Array;
  readonly #memory: number;
  readonly #bus = new VirtioBus(new FakeClock(0, CLOCK_STEP_MS));
  readonly #scheduler = new PollScheduler({ clock: new FakeClock() });
  readonly #netdev: Netdev;
  readonly #trace: string[] = [];
  #failureBeforeRecovery: string | null = null;
  #recovery: DeviceRecovery | null = null;
  /** Why the card was given up; that may be when it's gone, or won't be reset. */
  #over: string | null = null;
  #mayEnd = false;
  #now = 1;

  constructor(seed: number, ring: RingFormat, tally: HostileTally) {
    this.#seed = seed;
    this.#ring = ring;
    this.#tally = tally;
    const random = this.#random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    this.#card = anyHostileCard(random, ring);
    this.#honest = this.#card.config.slice();
    const registry = new NetdevRegistry();
    this.#bus.registerDriver(virtioNetDriver(registry, undefined, {
      ring,
      onFailure: (reason) => this.#failed(reason),
    }));
    this.#bus.addDevice(this.#card);
    this.#memory = this.#card.dma.available;
    this.#netdev = registry.get(0);
  }

  /** Lives for about so many steps. */
  run(steps: number): void {
    const end = this.#tally.steps + steps;
    this.#tally.lives++;
    try {
      this.#probe();
      this.#live(end);
      this.#end();
    } catch (error) {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      throw new Error(
        `seed ${this.#seed} with ${this.#ring} rings: ${message}\nthe last steps: ${
          this.#trace.join(", ")
        }`,
        { cause: error },
      );
    }
  }

  /** A card that misbehaves before it's known is refused for a reason, and a good one is taken. */
  #probe(): void {
    const faults = ["slowReset", "refusesFeatures", "configNeverStays", "spuriousConfig"] as const;
    for (let tries = this.#random.below(3); tries > 0; tries--) {
      const name = faults[this.#random.below(faults.length)];
      this.#note(`probe ${name}`);
      FAULTS[name](this.#card, this.#random);
      try {
        this.#netdev.probe();
      } catch (error) {
        if (!(error instanceof VirtioError || error instanceof NetdevError)) throw error;
        this.#card.reform(this.#honest);
        continue;
      }
      if (NEVER_GOOD.has(name)) throw new Error(`probed in spite of ${name}`);
      break;
    }
    this.#card.reform(this.#honest);
    if (this.#netdev.state === NetdevState.UNPROBED) this.#netdev.probe();
  }

  #live(end: number): void {
    const pool = this.#configure();
    const networkInterface = new NetworkInterface(this.#netdev, pool, this.#scheduler);
    this.#netdev.rxqConfigure(0, 0, { pool, onEvent: () => networkInterface.onEvent(0) });
    this.#netdev.txqConfigure(0, 0);
    const oracle = this.#card.oracle = new NetbufOracle(pool);
    watchBursts(this.#netdev, this.#card, oracle);
    this.#netdev.start();
    const config = { ...STATION, mtu: this.#netdev.mtuGet() };
    const host = new Host(config, networkInterface, OBSERVER);
    networkInterface.attach(host);
    const recovery = this.#recovery = new DeviceRecovery(this.#netdev, networkInterface, {
      onReset: () => void this.#tally.resets++,
      onGiveUp: (reason) => void (this.#over = reason),
    });
    if (this.#failureBeforeRecovery !== null) recovery.fail(this.#failureBeforeRecovery);
    const place = { host, networkInterface, recovery, oracle };
    while (this.#tally.steps < end && this.#over === null) {
      for (let left = 1 + this.#random.below(60); left > 0 && this.#over === null; left--) {
        this.#step(place);
        this.#account(oracle);
      }
      if (this.#over === null) this.#settle(place);
    }
    if (this.#over !== null) {
      this.#tally.givenUp++;
      if (!this.#mayEnd) throw new Error(`it was given up, and could be had back: ${this.#over}`);
    }
    for (const [reason, count] of Object.entries(this.#netdev.statsGet().drops)) {
      this.#tally.drops.set(reason, (this.#tally.drops.get(reason) ?? 0) + count);
    }
  }

  #configure(): NetbufPool {
    const random = this.#random;
    this.#netdev.configure({ rxQueues: 1, txQueues: 1 });
    const mergeable = (this.#card.accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    const stride = mergeable && random.below(2) === 0 ? 512 : 2048;
    const rings = this.#netdev.rxqInfoGet(0).maxDescriptors +
      this.#netdev.txqInfoGet(0).maxDescriptors;
    // One in three has less than its rings take, so that they run dry.
    const count = random.below(3) === 0 ? 6 + random.below(rings) : rings + 8;
    return this.#netdev.poolCreate({ count: Math.min(count, 80), stride });
  }

  #failed(reason: string): void {
    if (this.#recovery === null) this.#failureBeforeRecovery = reason;
    else this.#recovery.fail(reason);
  }

  /** One action of the driver's side or of the device. */
  #step(place: Place): void {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 9) return this.#deviceStep(kind);
    if (kind < 18) return this.#driverStep(kind, place);
    if (random.below(2000) === 0) return this.#lastStep();
    const [name, fault] = FAULT_LIST[random.below(FAULT_LIST.length)];
    this.#note(name);
    this.#tally.faults.set(name, (this.#tally.faults.get(name) ?? 0) + 1);
    fault(this.#card, random);
  }

  #deviceStep(kind: number): void {
    const random = this.#random;
    if (kind < 5) {
      this.#note("receives");
      this.#card.deliver(EXCHANGES[random.below(EXCHANGES.length)].request);
    } else if (kind < 8) {
      this.#note("sends");
      this.#card.send(1 + random.below(8), random.below(3));
    } else {
      this.#note("holds");
      this.#card.hold(1 + random.below(3));
    }
  }

  #driverStep(kind: number, place: Place): void {
    if (kind < 13) {
      this.#note("round");
      this.#scheduler.round(this.#now);
    } else if (kind < 15) {
      this.#note("arm");
      this.#scheduler.arm();
    } else if (kind < 17) {
      this.#now += this.#random.below(30);
      this.#note("tick");
      this.#tick(place);
    } else {
      this.#note("announce");
      place.host.announce(this.#now);
    }
  }

  /** What there's no coming back from. */
  #lastStep(): void {
    if (this.#random.below(2) === 0) {
      this.#note("gone");
      this.#card.go();
      this.#card.configChanged();
    } else {
      this.#note("never resets");
      this.#card.script.resetReads = Infinity;
      this.#card.needReset();
    }
    this.#mayEnd = true;
  }

  #tick({ recovery, networkInterface }: Place): number {
    return Math.min(recovery.tick(this.#now), networkInterface.tick(this.#now));
  }

  /** The card is good again: whatever was before, a ping has to be answered, and no netbuf is lost. */
  #settle(place: Place): void {
    this.#note("settles");
    const card = this.#card;
    const doomed = card.queues.filter((ring) => ring !== null && ring.mustBreak);
    const { resetReads } = card.script;
    card.reform(this.#honest);
    if (this.#mayEnd && resetReads === Infinity) card.script.resetReads = Infinity;
    const { request, reply } = PINGS[this.#random.below(PINGS.length)];
    let asked = -Infinity;
    let epoch = -1;
    for (let turn = 0; turn < PATIENCE && this.#over === null; turn++) {
      this.#turn(place);
      const answered = epoch === card.epoch && card.sent.some((frame) => isSame(frame, reply));
      if (answered && !doomed.some((ring) => card.queues.includes(ring))) {
        this.#tally.pings++;
        return;
      }
      if (turn < QUIET || turn - asked < RESEND || !card.deliverWhenTold(request)) continue;
      asked = turn;
      epoch = card.epoch;
      card.sent.length = 0;
    }
    if (this.#over !== null) return;
    const believed = doomed.some((ring) => card.queues.includes(ring));
    const what = believed ? "what can't be is believed" : "an honest ping is not answered";
    throw new Error(`${what}: ${this.#state()}`);
  }

  /** What there is to know when a ping isn't answered. */
  #state(): string {
    const rings = this.#card.queues.map((ring) =>
      ring === null ? "none" : [...ring.lent.keys()].map((id) => `${id}:${ring.claims(id)}`).join()
    );
    const polls = this.#scheduler.idle ? "sleeps" : "polls";
    return `netdev in state ${this.#netdev.state} ${polls}, lent and claimed ${
      rings.join(" and ")
    }`;
  }

  /** A turn of the loop, and the card does what it has to. */
  #turn(place: Place): void {
    this.#tally.steps += 2;
    const card = this.#card;
    if (card.owesInterrupt) {
      card.owesInterrupt = false;
      card.interrupt(0);
    }
    this.#scheduler.round(this.#now);
    const deadline = this.#tick(place);
    const sleeps = this.#scheduler.arm();
    if (sleeps) this.#now = Math.max(this.#now + 1, Math.min(deadline, this.#now + 50));
    card.sendWhenTold();
    this.#account(place.oracle);
  }

  /** No netbuf is anywhere but in the pool or with the card. One that is gone doesn't tell. */
  #account(oracle: NetbufOracle): void {
    this.#card.collect();
    if (!this.#card.gone) oracle.checkWhole();
  }

  /** Nothing is left of it. */
  #end(): void {
    this.#note("close");
    try {
      this.#bus.removeDevice(this.#card);
    } catch (error) {
      if (!(error instanceof VirtioError)) throw error;
    }
    this.#card.oracle?.checkWhole();
    const { available } = this.#card.dma;
    if (available !== this.#memory) {
      throw new Error(`${this.#memory - available} bytes of DMA memory are not given back`);
    }
    this.#card.interrupt(0);
    this.#card.configChanged();
  }

  #note(step: string): void {
    this.#tally.steps++;
    this.#trace.push(step);
    if (this.#trace.length > TRACE) this.#trace.shift();
  }
}

/** What stands on a card while it runs. */
interface Place {
  readonly host: Host;
  readonly networkInterface: NetworkInterface;
  readonly recovery: DeviceRecovery;
  readonly oracle: NetbufOracle;
}
