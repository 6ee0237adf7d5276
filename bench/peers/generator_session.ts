import { compiled } from "../../drivers/ffi/libc.ts";
import { POLLIN, ReadyProbe } from "../../drivers/ffi/fd_waiter.ts";
import type { VhostUserBackEnd } from "../../tests/device/vhost_user/back_end.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { MonotonicClock } from "./generator_clock.ts";
import type { GeneratorPort } from "./generator_port.ts";
import { GeneratorSleep } from "./generator_sleep.ts";
import { OwnTime } from "./generator_own_time.ts";

/** Turns of the loop between two readings of the clock: some tenths of a millisecond. */
const TURNS = 4096;

/** Nanoseconds between two looks at the socket. */
const LOOK_NS = 5e6;

/** Requests without any reply for so long are given up; the second time in a row is the end. */
const SILENCE_NS = 5e9;

/** Steps of a pause after a turn that found nothing: the other side has to write the line looked at. */
const PAUSE_STEPS = 48;

/**
 * After so many pauses in a row, some 100 µs, the processor is offered to others: the front-end may be
 * waiting for it. With a processor for each side it never comes to that under load.
 */
const PATIENT_PAUSES = 2000;

// Fetched once, so that V8 calls it directly.
const sched_yield = compiled("sched_yield");

/** What a run has counted. */
export interface RunCounts {
  readonly sent: number;
  readonly replies: number;
  readonly nanoseconds: number;
  readonly emptyTurns: number;
}

/**
 * The loop around the ports: every run is turns of this. Nothing in a turn is allocated, and the clock
 * and the socket are looked at rarely.
 */
export class GeneratorSession {
  readonly ports: readonly GeneratorPort[];
  readonly clock: MonotonicClock;
  readonly ownTime: OwnTime;
  /** What waits for kicks; null when rings are polled. */
  readonly sleep: GeneratorSleep | null;
  emptyTurns = 0;
  readonly #backEnd: VhostUserBackEnd;
  readonly #probe: ReadyProbe;
  #turns = 0;
  #lookedAt = 0;
  #heardAt = 0;
  #heard = 0;
  #silences = 0;
  #noise = 1;
  /** Pauses since the last reply, and how many there were then. */
  #pauses = 0;
  #lastPaused = 0;

  constructor(
    backEnd: VhostUserBackEnd,
    ports: readonly GeneratorPort[],
    clock: MonotonicClock,
    sleeps: boolean,
  ) {
    this.#backEnd = backEnd;
    this.ports = ports;
    this.clock = clock;
    this.sleep = sleeps ? new GeneratorSleep(ports, backEnd.fd) : null;
    this.ownTime = new OwnTime(clock);
    this.#probe = new ReadyProbe(backEnd.fd, POLLIN);
  }

  /** Requests that were sent, at all ports. */
  get sent(): number {
    return this.ports.reduce((sum, port) => sum + port.sent, 0);
  }

  /** Replies that came in, at all ports. */
  get replies(): number {
    let sum = 0;
    for (let i = 0; i < this.ports.length; i++) sum += this.ports[i].replies.replies;
    return sum;
  }

  /** Requests without a reply, at all ports. */
  get outstanding(): number {
    let sum = 0;
    for (let i = 0; i < this.ports.length; i++) sum += this.ports[i].outstanding;
    return sum;
  }

  /** Ends a turn that found nothing to do. */
  pause(): void {
    this.emptyTurns++;
    if (this.sleep !== null) {
      this.sleep.sleep();
      return;
    }
    const { replies } = this;
    if (this.#lastPaused === replies) {
      if (++this.#pauses > PATIENT_PAUSES) sched_yield();
    } else {
      this.#lastPaused = replies;
      this.#pauses = 0;
    }
    this.spin(PAUSE_STEPS);
  }

  /** Keeps away from shared memory for some steps, each about half a nanosecond. */
  spin(steps: number): void {
    let noise = this.#noise;
    for (let i = 0; i < steps; i++) noise = Math.imul(noise, 5) + i | 0;
    this.#noise = noise;
  }

  /**
   * Counts a turn; whether it's time to look at the clock. A {@link look} is due then.
   */
  get due(): boolean {
    return (++this.#turns & (TURNS - 1)) === 0 || this.sleep !== null;
  }

  /**
   * Looks at the clock, which is returned, and now and then at the socket. {@link BackEndError} when
   * the front-end has gone or has stopped its rings, and when it has been silent for too long.
   */
  look(): number {
    const now = this.clock.now();
    if (now - this.#lookedAt < LOOK_NS) return now;
    this.#lookedAt = now;
    if (this.#probe.ready()) this.#serve();
    const { replies } = this;
    if (replies !== this.#heard || this.outstanding === 0) {
      if (replies !== this.#heard) this.#silences = 0;
      this.#heard = replies;
      this.#heardAt = now;
    } else if (now - this.#heardAt > SILENCE_NS) {
      this.#giveUp(now);
    }
    return now;
  }

  /** Begins a run: what is counted from now on. */
  begin(): () => RunCounts {
    const start = this.clock.now();
    const { sent, replies, emptyTurns } = this;
    this.#heardAt = start;
    return () => ({
      sent: this.sent - sent,
      replies: this.replies - replies,
      nanoseconds: this.clock.now() - start,
      emptyTurns: this.emptyTurns - emptyTurns,
    });
  }

  #serve(): void {
    const after = `after ${this.replies} replies`;
    if (!this.#backEnd.serve()) throw new BackEndError(`the front-end closed ${after}`);
    if (this.ports.every((port) => port.runs)) return;
    throw new BackEndError(`the front-end stopped its rings ${after}`);
  }

  #giveUp(now: number): void {
    const { outstanding } = this;
    if (++this.#silences === 2) {
      throw new BackEndError(`silence: ${outstanding} requests without a reply`);
    }
    this.#heardAt = now;
    for (const port of this.ports) port.giveUp();
  }
}
