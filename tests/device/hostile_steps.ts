import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { SeededRandom } from "../stack/seeded_random.ts";
import type { HostileCard } from "./hostile_card.ts";
import { COMMANDS } from "./hostile_commands.ts";
import { type Fault, FAULTS } from "./hostile_faults.ts";
import type { HostileStation } from "./hostile_station.ts";
import { count, type HostileTally } from "./hostile_tally.ts";
import { EXCHANGES } from "./hostile_traffic.ts";

/** Of so many reads that are watched, of frames and else, one is followed by something that the card does. */
const FRAME_READS = 500;
const RING_READS = 20;

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

/** What happens between a hostile card and its driver, one thing at a time. */
export class HostileSteps {
  /** Something happened that there's no coming back from. */
  mayEnd = false;
  readonly #card: HostileCard;
  readonly #ring: RingFormat;
  readonly #random: SeededRandom;
  readonly #tally: HostileTally;
  readonly #note: (step: string) => void;
  /** A step is being taken, and the card may act in the middle of it. */
  #meddles = false;

  /** Of a card with rings of this format. `note` is told of each step by name. */
  constructor(
    card: HostileCard,
    ring: RingFormat,
    random: SeededRandom,
    tally: HostileTally,
    note: (step: string) => void,
  ) {
    this.#card = card;
    this.#ring = ring;
    this.#random = random;
    this.#tally = tally;
    this.#note = note;
  }

  /** Right after a read: the card may write to a frame that it gave back, or do anything else. */
  meddle(offset: number, inNetbuf: boolean): boolean {
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
  step(station: HostileStation): void {
    this.#meddles = true;
    this.#step(station);
    this.#meddles = false;
  }

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
    this.mayEnd = true;
  }
}
