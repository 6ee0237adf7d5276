import { POLLIN } from "../../drivers/ffi/fd_waiter.ts";
import { compiled } from "../../drivers/ffi/libc.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { GeneratorPort } from "./generator_port.ts";

const poll = compiled("poll");
const eventfdRead = compiled("eventfd_read");

/** Longest sleep; and how long a kick may come behind what it is about, on a machine that is busy. */
const SLEEP_MS = 2000;

/**
 * Waits for the front-end's kicks in place of looking at its rings: the strictest back-end there is,
 * which serves nobody who doesn't notify it (virtio 1.2 §2.7.13.3).
 */
export class GeneratorSleep {
  /** Kicks that came, and frames that came without. */
  kicks = 0;
  lostKicks = 0;
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
  }

  /** Sleeps until there's something to do, which was looked for in vain before. */
  sleep(): void {
    for (const port of this.#ports) port.wantKicks(true);
    // What came before the kicks were wanted is told by no kick.
    if (!this.#isWaiting && !this.#awaitKick() && this.#isWaiting && !this.#awaitKick()) {
      this.lostKicks++;
    }
    for (const port of this.#ports) port.wantKicks(false);
  }

  get #isWaiting(): boolean {
    return this.#ports.some((port) => port.waiting);
  }

  /** Whether a kick came, or a message. */
  #awaitKick(): boolean {
    const pollfds = this.#pollfds;
    if (poll(pollfds, this.#count, SLEEP_MS) <= 0) return false;
    for (let i = 2; i < pollfds.length; i += 2) {
      if (pollfds[i + 1] >>> 16 === 0) continue;
      eventfdRead(pollfds[i], this.#counter);
      this.kicks++;
    }
    return true;
  }
}
