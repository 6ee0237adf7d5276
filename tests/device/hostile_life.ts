import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { DoubleFetchWatch } from "./double_fetch_watch.ts";
import type { HostileCard } from "./hostile_card.ts";
import { FAULTS } from "./hostile_faults.ts";
import { anyHostileCard } from "./hostile_kinds.ts";
import { anyWay, isLegacy, type Way } from "./hostile_place.ts";
import { HostileStation } from "./hostile_station.ts";
import { HostileSteps } from "./hostile_steps.ts";
import { count, type HostileTally } from "./hostile_tally.ts";
import { isSame, PINGS } from "./hostile_traffic.ts";
import { WatchedRegion } from "./watched_region.ts";

/** Faults with which no card is taken; a legacy one isn't asked about features (virtio 1.2 §3.1.2). */
const NEVER_GOOD: readonly string[] = ["configNeverStays"];
const NEVER_GOOD_OF_MODERN: readonly string[] = [...NEVER_GOOD, "refusesFeatures"];

/** Steps that are kept to be told with a failure. */
const TRACE = 60;

/** Turns of the loop in which an honest ping has to be answered, resets and their waits included. */
const PATIENCE = 400;
/** Turns for what is still under way; and those after which a ping is sent again that met a reset. */
const QUIET = 3;
const RESEND = 12;
/** Turns in which the loop comes to rest. */
const REST = 40;

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
  readonly #steps: HostileSteps;

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
    this.#steps = new HostileSteps(
      this.#card,
      this.#ring,
      random,
      tally,
      (step) => this.#note(step),
    );
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
        this.#steps.step(station);
        if (this.#random.below(4) > 0) station.tasks.run();
        station.account();
      }
      if (station.over === null) this.#settle(station);
    }
    this.#tally.resets += station.resets;
    if (station.over !== null) {
      this.#tally.givenUp++;
      if (!this.#steps.mayEnd) {
        throw new Error(`it was given up, and could be had back: ${station.over}`);
      }
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
      onRead: (offset, inNetbuf) => {
        for (const ring of card.queues) ring?.wasRead?.(offset);
        return this.#steps.meddle(offset, inNetbuf);
      },
    });
  }

  /** The card is good again: whatever was before, a ping has to be answered, and no netbuf is lost. */
  #settle(station: HostileStation): void {
    this.#note("settles");
    const card = this.#card;
    const doomed = card.queues.filter((ring) => ring !== null && ring.mustBreak);
    const { resetReads } = card.script;
    card.reform(this.#honest);
    if (this.#steps.mayEnd && resetReads === Infinity) card.script.resetReads = Infinity;
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
