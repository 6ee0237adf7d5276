import type { Clock } from "../../netdev/clock.ts";
import { checkHwaddr } from "../../netdev/netdev_checks.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { E100Bus } from "./e100_bus.ts";
import { hasCauseMasks } from "./e100_chip.ts";
import { E100Error } from "./e100_error.ts";
import { type EepromImage, readEeprom } from "./eeprom.ts";
import { HARDWARE_COUNTERS_BYTES, HardwareCounters } from "./hardware_counters.ts";
import { findPhy, type Phy, readLink } from "./phy.ts";
import { SELF_TEST_BYTES, selfTest, softwareReset } from "./port.ts";
import { CUC_LOAD_BASE, RUC_LOAD_BASE, STAT_ACK_MDI } from "./registers.ts";
import { SystemControlBlock } from "./system_control_block.ts";

/** What the controller dumps to: its self-test in front, then its counters. */
const SCRATCH_BYTES = SELF_TEST_BYTES + HARDWARE_COUNTERS_BYTES;
const SCRATCH_ALIGN = 16;

/** Addresses that the controller puts on the bus have 32 bits. */
const ADDRESS_LIMIT = 2 ** 32;

/** What is read of a controller that isn't there any more. */
const ALL_ONES = 0xffff;

/** Longer than a dump of counters takes. */
const DUMP_TIMEOUT_MS = 1;

/** Called with the card when there's something to tell that no call asked for. */
export interface E100Events {
  /** The link went up or down. */
  readonly onLink?: (up: boolean) => void;
  /**
   * The card can't go on until it's stopped and started again; one line says why. Once for each
   * start, perhaps from within a burst, where neither of the two may be called.
   */
  readonly onFailure?: (reason: string) => void;
}

/** What a card turned out to be when it was probed. */
export interface E100Identity {
  readonly eeprom: EepromImage;
  readonly phy: Phy;
}

/**
 * The life of a card apart from its queues: what it is, whether it's still there, its resets, its link
 * and its own counters.
 */
export class E100Card {
  readonly bus: E100Bus;
  readonly clock: Clock;
  readonly scb: SystemControlBlock;
  readonly counters: HardwareCounters;
  readonly #events: E100Events;
  readonly #scratch: number;
  #identity: E100Identity | null = null;
  #linkUp = false;
  /** {@link E100Events.onFailure} was called since the last start. */
  #failed = false;
  /** Why there's nothing to be had of the card any more. */
  #lost: NetdevError | null = null;

  /** `NetdevError("ENOTSUP")` when memory lies where the card doesn't reach. */
  constructor(bus: E100Bus, clock: Clock, events: E100Events) {
    const { region } = bus.dma;
    if (region.deviceAddress(region.byteLength - 1) >= ADDRESS_LIMIT) {
      throw new NetdevError("ENOTSUP", `${bus.name} reaches no memory above 4 GiB`);
    }
    this.bus = bus;
    this.clock = clock;
    this.#events = events;
    this.scb = new SystemControlBlock(bus.csr, clock, hasCauseMasks(bus.revision));
    this.#scratch = bus.dma.alloc(SCRATCH_BYTES, SCRATCH_ALIGN);
    this.counters = new HardwareCounters(region, this.#scratch + SELF_TEST_BYTES);
  }

  /** Where it sits. */
  get location(): string {
    return this.bus.name;
  }

  /** What it is. `NetdevError("EINVAL")` before it's probed. */
  get identity(): E100Identity {
    if (this.#identity === null) throw new NetdevError("EINVAL", `${this.location} is not probed`);
    return this.#identity;
  }

  /** Whether the link is up, as of the last look at it. */
  get linkUp(): boolean {
    return this.#linkUp;
  }

  /** Whether it can't go on, and that was told since the last start. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Finds out what it is, from the ground up: reset, self-test, EEPROM, PHY. */
  probe(): void {
    this.#step(() => {
      const { bus, clock } = this;
      this.#softwareReset();
      bus.master(true);
      selfTest(bus.csr, bus.dma.region, this.#scratch, clock);
      // The self-test leaves the controller as a reset does (8255x manual §6.3.3.2).
      this.scb.wasReset();
      const eeprom = readEeprom(bus.csr, clock);
      checkHwaddr(eeprom.mac);
      const phy = findPhy(bus.csr, clock);
      this.#identity = { eeprom, phy };
      this.#linkUp = readLink(bus.csr, clock, phy);
    });
  }

  /** Resets it and places what it keeps in memory, then has `goLive` set it to work. */
  start(goLive: () => void): void {
    this.#failed = false;
    this.#step(() => {
      this.#softwareReset();
      this.bus.master(true);
      // All links and pointers are whole addresses: offsets from 0.
      this.demand(this.scb.issueAt(CUC_LOAD_BASE, 0), "a base for its commands");
      this.demand(this.scb.issueAt(RUC_LOAD_BASE, 0), "a base for its receive buffers");
      this.demand(this.counters.place(this.scb), "an address for its counters");
      goLive();
    });
  }

  /** Resets it, so that it owns no buffers any more; nothing for one that is gone. */
  reset(): void {
    if (this.#lost !== null) return;
    if (!this.bus.present()) {
      this.#lost = this.#loss("is gone");
      return;
    }
    this.#softwareReset();
    // Should it not have listened: without this it reaches no memory.
    this.bus.master(false);
  }

  /** Gives its memory and all it has of the bus back. After {@link reset}. */
  release(): void {
    this.bus.dma.free(this.#scratch);
    this.bus.release();
  }

  /** Throws unless the card took what it was told. */
  demand(taken: boolean, what: string): void {
    if (!taken) throw new E100Error(`it doesn't take ${what}`);
  }

  /**
   * Looks whether it's there, at its link, and collects its counters to ask for the next ones. Tells
   * what changed. Whether it's there.
   */
  look(): boolean {
    if (this.scb.status() === ALL_ONES && !this.bus.present()) {
      this.fail("is gone");
      return false;
    }
    this.#checkLink();
    this.counters.collect();
    if (!this.counters.request(this.scb)) this.fail("doesn't take commands");
    return true;
  }

  /** Has it dump its counters now, and waits for them. */
  refreshCounters(): void {
    if (!this.counters.request(this.scb)) return;
    const deadline = this.clock.now() + DUMP_TIMEOUT_MS;
    do this.scb.status(); while (!this.counters.collect() && this.clock.now() < deadline);
  }

  /** Tells that the card can't go on, unless that was told since the last start. */
  fail(what: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.onFailure?.(`${this.location} ${what}`);
  }

  /** Tells that it doesn't take commands any more: as nobody is there, or for another reason. */
  failStuck(): void {
    if (!this.#failed) this.fail(this.bus.present() ? "doesn't take commands" : "is gone");
  }

  #softwareReset(): void {
    softwareReset(this.bus.csr, this.clock);
    this.scb.wasReset();
  }

  #checkLink(): void {
    const { bus, clock } = this;
    let up = false;
    try {
      up = readLink(bus.csr, clock, this.identity.phy);
    } catch (error) {
      return this.fail(error instanceof Error ? `failed: ${error.message}` : "failed");
    }
    // QEMU raises an interrupt for what was asked for here.
    this.scb.acknowledge(STAT_ACK_MDI);
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    this.#events.onLink?.(up);
  }

  /** Runs a step of bring-up. What it throws tells the place; a card that's gone is `ENODEV`. */
  #step(step: () => void): void {
    if (this.#lost !== null) throw this.#lost;
    let cause: unknown;
    let failed = false;
    try {
      step();
    } catch (error) {
      failed = true;
      cause = error;
    }
    // All ones look like a card that agrees to everything, so it's asked in any case.
    if (!this.bus.present()) throw this.#lost = this.#loss("is gone", cause);
    if (!failed) return;
    this.reset();
    if (!(cause instanceof E100Error)) throw cause;
    throw new E100Error(`${this.location}: ${cause.message}`, { cause });
  }

  #loss(what: string, cause?: unknown): NetdevError {
    return new NetdevError("ENODEV", `${this.location} ${what}`, { cause });
  }
}
