import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { DoubleFetchWatch } from "./double_fetch_watch.ts";
import type { HostileCard } from "./hostile_card.ts";
import { COMMANDS } from "./hostile_commands.ts";
import { type Fault, FAULTS } from "./hostile_faults.ts";
import { anyHostileCard } from "./hostile_kinds.ts";
import { anyWay, isLegacy, type Way } from "./hostile_place.ts";
import { HostileStation } from "./hostile_station.ts";
import { count, type HostileTally } from "./hostile_tally.ts";
import { EXCHANGES, isSame, PINGS } from "./hostile_traffic.ts";
import { WatchedRegion } from "./watched_region.ts";

/** Faults with which no card is taken; a legacy one isn't asked about features (virtio 1.2 §3.1.2). */
const NEVER_GOOD: readonly string[] = ["configNeverStays"];
const NEVER_GOOD_OF_MODERN: readonly string[] = [...NEVER_GOOD, "refusesFeatures"];

/** Of so many reads that are watched, of frames and else, one is followed by something that the card does. */
const FRAME_READS = 500;
const RING_READS = 20;

/** Steps that are kept to be told with a failure. */
const TRACE = 60;

/** Turns of the loop in which an honest ping has to be answered, resets and their waits included. */
const PATIENCE = 400;
/** Turns for what is still under way; and those after which a ping is sent again that met a reset. */
const QUIET = 3;
const RESEND = 12;
/** Turns in which the loop comes to rest. */
const REST = 40;

const FAULT_LIST: readonly (readonly [string, Fault])[] = Object.entries(FAULTS);

/**
 * Those that may happen in the middle of a call. Not those of an index: what the driver has taken by
 * then is known only when it hands it out. Nor, with packed rings, a use of what isn't lent: that
 * overwrites what is about to be, and nobody would know who has it.
 */
const ANY_TIME = {
  split: FAULT_LIST.filter(([name]) => !name.startsWith("index")),
  packed: FAULT_LIST.filter(([name]) => !name.startsWith("index") && !name.startsWith("id")),
};

/** What kind of life it's to be, beside its seed. */
export interface HostileLifeOptions {
  readonly ring: RingFormat;
  /** How the card is reached; any way by default. */
  readonly way?: Way;
  /**
   * Whether each access to shared memory is watched, and the card acts in the middle of the driver's
   * calls, too: after any single read. That takes much longer.
   */
  readonly watched?: boolean;
}

/**
 * A hostile card from being plugged in to its end, with the whole driver and a host on it. All that
 * happens follows from the seed: nothing else is random, and all clocks are its own. A driver that
 * throws, loses a netbuf, touches one that it has lent, or leaves an honest ping unanswered ends it
 * with an exception that tells the last steps.
 */
export class HostileLife {
  readonly #seed: number;
  readonly #ring: RingFormat;
  readonly #way: Way;
  readonly #tally: HostileTally;
  readonly #random: SeededRandom;
  readonly #card: HostileCard;
  readonly #honest: Uint8Array;
  readonly #trace: string[] = [];
  /** What the driver sees of the memory, where that's watched. */
  #watched: WatchedRegion | null = null;
  #meddles = false;
  #mayEnd = false;

  constructor(seed: number, options: HostileLifeOptions, tally: HostileTally) {
    this.#seed = seed;
    this.#ring = options.ring;
    this.#tally = tally;
    const random = this.#random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    const way = anyWay(random, this.#ring);
    this.#way = options.way ?? way;
    this.#card = anyHostileCard(
      random,
      this.#ring,
      isLegacy(this.#way),
      options.watched === true ? (region) => this.#watched = new WatchedRegion(region) : undefined,
    );
    this.#honest = this.#card.config.slice();
  }

  /** Lives for about so many steps. */
  run(steps: number): void {
    const end = this.#tally.steps + steps;
    this.#tally.lives++;
    try {
      this.#run(end);
    } catch (error) {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      throw new Error(
        `seed ${this.#seed} with ${this.#ring} rings by ${this.#way}: ${message}\nthe last steps: ${
          this.#trace.join(", ")
        }`,
        { cause: error },
      );
    }
  }

  #run(end: number): void {
    const station = new HostileStation(this.#card, this.#way, this.#ring, this.#random);
    const watch = this.#watch();
    try {
      this.#probe(station);
      station.start(watch);
      this.#live(station, end);
      this.#tally.reads += watch?.reads ?? 0;
      this.#end(station);
    } finally {
      watch?.[Symbol.dispose]();
      station[Symbol.dispose]();
    }
  }

  /** A card that misbehaves before it's known is refused for a reason, and a good one is taken. */
  #probe({ netdev }: HostileStation): void {
    const faults = ["slowReset", "refusesFeatures", "configNeverStays", "spuriousConfig"] as const;
    const neverGood = isLegacy(this.#way) ? NEVER_GOOD : NEVER_GOOD_OF_MODERN;
    for (let tries = this.#random.below(3); tries > 0; tries--) {
      const name = faults[this.#random.below(faults.length)];
      this.#note(`probe ${name}`);
      FAULTS[name](this.#card, this.#random);
      try {
        netdev.probe();
      } catch (error) {
        if (!(error instanceof VirtioError || error instanceof NetdevError)) throw error;
        this.#card.reform(this.#honest);
        continue;
      }
      if (neverGood.includes(name)) throw new Error(`probed in spite of ${name}`);
      break;
    }
    this.#card.reform(this.#honest);
    if (netdev.state === NetdevState.UNPROBED) netdev.probe();
  }

  #live(station: HostileStation, end: number): void {
    const facts = station.netdev.detailsGet()?.facts ?? [];
    count(this.#tally.ways, facts.map(([, value]) => value).slice(0, 2).join(", "));
    while (this.#tally.steps < end && station.over === null) {
      for (let left = 1 + this.#random.below(60); left > 0 && station.over === null; left--) {
        this.#card.pair = this.#random.below(station.pairs);
        this.#meddles = true;
        this.#step(station);
        this.#meddles = false;
        if (this.#random.below(4) > 0) station.tasks.run();
        station.account();
      }
      if (station.over === null) this.#settle(station);
    }
    this.#tally.resets += station.resets;
    if (station.over !== null) {
      this.#tally.givenUp++;
      if (!this.#mayEnd) throw new Error(`it was given up, and could be had back: ${station.over}`);
    }
    for (const [reason, drops] of Object.entries(station.netdev.statsGet().drops)) {
      count(this.#tally.drops, reason, drops);
    }
  }

  /** Sees what the driver reads, if it's to be seen. */
  #watch(): DoubleFetchWatch | null {
    if (this.#watched === null) return null;
    const card = this.#card;
    return new DoubleFetchWatch(this.#watched, card.region, {
      packed: this.#ring === "packed",
      queues: card.places,
      oracle: () => card.oracle,
      onRead: (offset, inNetbuf) => this.#meddle(offset, inNetbuf),
    });
  }

  /** Right after a read: the card may write to a frame that it gave back, or do anything else. */
  #meddle(offset: number, inNetbuf: boolean): boolean {
    const random = this.#random;
    if (!this.#meddles || random.below(inNetbuf ? FRAME_READS : RING_READS) > 0) return false;
    this.#tally.meddled++;
    if (inNetbuf) {
      this.#card.region.u8[offset] = random.int32();
      return false;
    }
    this.#meddles = false;
    if (random.below(2) === 0) this.#deviceStep(random.below(8));
    else this.#fault(ANY_TIME[this.#ring]);
    this.#meddles = true;
    return true;
  }

  /** One action of the driver's side or of the device. */
  #step(station: HostileStation): void {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 9) return this.#deviceStep(kind);
    if (kind < 18) return this.#driverStep(kind, station);
    if (random.below(2000) === 0) return this.#lastStep(station);
    this.#fault(FAULT_LIST);
  }

  #fault(list: typeof FAULT_LIST): void {
    const [name, fault] = list[this.#random.below(list.length)];
    this.#note(name);
    count(this.#tally.faults, name);
    fault(this.#card, this.#random);
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

  #driverStep(kind: number, station: HostileStation): void {
    const random = this.#random;
    if (kind < 13) {
      this.#note("round");
      station.scheduler.round(station.now);
    } else if (kind < 15) {
      this.#note("arm");
      station.scheduler.arm();
    } else if (kind === 15) {
      station.now += random.below(60);
      this.#note("tick");
      station.tick();
    } else if (kind === 16) {
      const [name, command] = COMMANDS[random.below(COMMANDS.length)];
      this.#note(name);
      try {
        command(station, random);
      } catch (error) {
        if (!(error instanceof NetdevError || error instanceof VirtioError)) throw error;
      }
    } else {
      this.#note("announce");
      station.announce();
    }
  }

  /** What there's no coming back from. */
  #lastStep(station: HostileStation): void {
    if (this.#random.below(2) === 0) {
      this.#note("gone");
      station.place.pull();
      this.#card.configChanged();
    } else {
      this.#note("never resets");
      this.#card.script.resetReads = Infinity;
      this.#card.needReset();
    }
    this.#mayEnd = true;
  }

  /** The card is good again: whatever was before, a ping has to be answered, and no netbuf is lost. */
  #settle(station: HostileStation): void {
    this.#note("settles");
    const card = this.#card;
    const doomed = card.queues.filter((ring) => ring !== null && ring.mustBreak);
    const { resetReads } = card.script;
    card.reform(this.#honest);
    if (this.#mayEnd && resetReads === Infinity) card.script.resetReads = Infinity;
    const pair = this.#random.below(station.pairs);
    const { request, reply } = PINGS[this.#random.below(PINGS.length)];
    // A queue that sleeps isn't looked at.
    if (doomed.length > 0) card.owesInterrupt = true;
    let asked = -Infinity;
    let epoch = -1;
    for (let turn = 0; turn < PATIENCE && station.over === null; turn++) {
      this.#turn(station);
      card.pair = pair;
      const answered = epoch === card.epoch && card.sent.some((frame) => isSame(frame, reply));
      if (answered && !doomed.some((ring) => card.queues.includes(ring))) {
        this.#tally.pings++;
        return this.#rest(station);
      }
      if (turn < QUIET || turn - asked < RESEND || !card.deliverWhenTold(request)) continue;
      asked = turn;
      epoch = card.epoch;
      card.sent.length = 0;
    }
    if (station.over !== null) return;
    const believed = doomed.some((ring) => card.queues.includes(ring));
    const what = believed ? "what can't be is believed" : "an honest ping is not answered";
    throw new Error(`${what} by pair ${pair}: ${this.#state(station)}`);
  }

  /** A card that has nothing more to do lets the loop sleep. */
  #rest(station: HostileStation): void {
    for (let turn = 0; turn < REST; turn++) {
      if (this.#turn(station) || station.over !== null) return;
    }
    throw new Error(`it's polled for ever: ${this.#state(station)}`);
  }

  /** What there is to know when a ping isn't answered. */
  #state({ scheduler, netdev }: HostileStation): string {
    const rings = this.#card.queues.map((ring) =>
      ring === null ? "none" : [...ring.lent.keys()].map((id) => `${id}:${ring.claims(id)}`).join()
    );
    const polls = scheduler.idle ? "sleeps" : "polls";
    return `netdev in state ${netdev.state} ${polls}, lent and claimed ${rings.join(" and ")}`;
  }

  /** A turn of the loop, and the card does what it has to; whether the loop slept. */
  #turn(station: HostileStation): boolean {
    this.#tally.steps += 2;
    const card = this.#card;
    if (card.owesInterrupt) {
      card.owesInterrupt = false;
      card.interruptAll();
    }
    const sleeps = station.turn();
    for (card.pair = 0; card.pair < station.pairs; card.pair++) card.sendWhenTold();
    card.pair = 0;
    station.account();
    return sleeps;
  }

  /** Nothing is left of it. */
  #end(station: HostileStation): void {
    this.#note("close");
    try {
      station.place.unplug();
    } catch (error) {
      if (!(error instanceof VirtioError)) throw error;
    }
    station.checkClean();
  }

  #note(step: string): void {
    this.#tally.steps++;
    this.#trace.push(step);
    if (this.#trace.length > TRACE) this.#trace.shift();
  }
}
