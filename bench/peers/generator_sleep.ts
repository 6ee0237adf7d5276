import { POLLIN } from "../../drivers/ffi/fd_waiter.ts";
import { compiled } from "../../drivers/ffi/libc.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { GeneratorPort } from "./generator_port.ts";

const poll = compiled("poll");
const eventfdRead = compiled("eventfd_read");

/** Longest sleep; and how long a kick may come behind what it is about, on a machine that is busy. */
const SLEEP_MS = 10_000;

/**
 * Waits for the front-end's kicks in place of looking at its rings: the strictest back-end there is,
 * which serves nobody who doesn't notify it (virtio 1.2 §2.7.13.3). Kicks are wanted all the time, so
 * that how many come is no matter of who was faster.
 */
export class GeneratorSleep {
  /** Frames that came without a kick. */
  lostKicks = 0;
  #kicks = 0;
  readonly #ports: readonly GeneratorPort[];
  /** `struct pollfd` of the socket and of each kick descriptor. */
  readonly #pollfds: Int32Array<ArrayBuffer>;
  readonly #count: bigint;
  readonly #counter = new BigUint64Array(1);

  /** `socket`: ends a sleep as well. {@link BackEndError} when a ring has no kick descriptor. */
  constructor(ports: readonly GeneratorPort[], socket: number) {
    const fds = [socket, ...ports.flatMap((port) => port.kickFds)];
    if (fds.some((fd) => fd === null)) {
      throw new BackEndError("a ring came without a kick descriptor: its back-end has to poll");
    }
    this.#ports = ports;
    this.#count = BigInt(fds.length);
    this.#pollfds = Int32Array.from(fds.flatMap((fd) => [fd ?? -1, POLLIN]));
    this.#wantKicks();
  }

  /** Kicks that have come so far. */
  get kicks(): number {
    this.#awaitKick(0);
    return this.#kicks;
  }

  /** Sleeps until there's something to do, which was looked for in vain before. */
  sleep(): void {
    // With an event index, each wish is for one kick.
    this.#wantKicks();
    // What came before the kicks were wanted is told by no kick.
    if (this.#isWaiting || this.#awaitKick(SLEEP_MS)) return;
    if (this.#isWaiting && !this.#awaitKick(SLEEP_MS)) this.lostKicks++;
  }

  #wantKicks(): void {
    for (const port of this.#ports) port.wantKicks();
  }

  get #isWaiting(): boolean {
    return this.#ports.some((port) => port.waiting);
  }

  /** Whether a kick came, or a message. */
  #awaitKick(timeoutMs: number): boolean {
    const pollfds = this.#pollfds;
    if (poll(pollfds, this.#count, timeoutMs) <= 0) return false;
    for (let i = 2; i < pollfds.length; i += 2) {
      if (pollfds[i + 1] >>> 16 === 0) continue;
      eventfdRead(pollfds[i], this.#counter);
      this.#kicks += Number(this.#counter[0]);
    }
    return true;
  }
}
