import { POLLIN, ReadyProbe } from "../../drivers/ffi/fd_waiter.ts";
import type { VhostUserBackEnd } from "../../tests/device/vhost_user/back_end.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { MonotonicClock } from "./generator_clock.ts";
import type { GeneratorPort } from "./generator_port.ts";
import { OwnTime } from "./generator_own_time.ts";
import type { EchoReplies } from "./generator_replies.ts";

/** Frames taken from one port before the next one has its turn. */
const TAKE_MAX = 64;

/** Turns of the loop between two readings of the clock. */
const TURNS = 1024;

/** Nanoseconds between two looks at the socket. */
const LOOK_NS = 5e6;

/** Requests without any reply for so long are given up; the second time in a row is the end. */
const SILENCE_NS = 5e9;

/** Steps of a pause after a turn that found nothing: the other side has to write the line looked at. */
const PAUSE_STEPS = 48;

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
  readonly replies: EchoReplies;
  readonly ownTime: OwnTime;
  /** The number of the next request. */
  number = 0;
  sent = 0;
  emptyTurns = 0;
  readonly #backEnd: VhostUserBackEnd;
  readonly #probe: ReadyProbe;
  #turns = 0;
  #lookedAt = 0;
  #heardAt = 0;
  #heard = 0;
  #silences = 0;
  #noise = 1;

  constructor(
    backEnd: VhostUserBackEnd,
    ports: readonly GeneratorPort[],
    replies: EchoReplies,
    clock: MonotonicClock,
  ) {
    this.#backEnd = backEnd;
    this.ports = ports;
    this.replies = replies;
    this.clock = clock;
    this.ownTime = new OwnTime(clock);
    this.#probe = new ReadyProbe(backEnd.fd, POLLIN);
  }

  /** Takes in what has come by a port; how many frames. */
  take(port: GeneratorPort): number {
    return port.take(TAKE_MAX);
  }

  /** Sends the next requests by a port, at most `count`, as one burst; how many. */
  send(port: GeneratorPort, count: number): number {
    const sent = port.send(this.number, count);
    this.#count(sent);
    return sent;
  }

  /** The same of exactly `count`. */
  sendBurst(port: GeneratorPort, count: number): void {
    port.sendBurst(this.number, count);
    this.#count(count);
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
    this.spin(PAUSE_STEPS);
  }

  /** Keeps away from shared memory for some steps, each about a third of a nanosecond. */
  spin(steps: number): void {
    let noise = this.#noise;
    for (let i = 0; i < steps; i++) noise = noise * 5 + i | 0;
    this.#noise = noise;
  }

  /**
   * Counts a turn; whether it's time to look at the clock. A {@link look} is due then.
   */
  get due(): boolean {
    return (++this.#turns & (TURNS - 1)) === 0;
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
    const { replies } = this.replies;
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
    const { sent, emptyTurns } = this;
    const { replies } = this.replies;
    this.#heardAt = start;
    return () => ({
      sent: this.sent - sent,
      replies: this.replies.replies - replies,
      nanoseconds: this.clock.now() - start,
      emptyTurns: this.emptyTurns - emptyTurns,
    });
  }

  #count(sent: number): void {
    this.sent += sent;
    this.number = this.number + sent & 0x7fff_ffff;
  }

  #serve(): void {
    const after = `after ${this.replies.replies} replies`;
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
    this.replies.giveUp();
    for (const port of this.ports) port.outstanding = 0;
  }
}
