import type { Clock } from "../../netdev/clock.ts";
import type { Waiter } from "../../netdev/waiter.ts";
import { EINTR, errno, ErrnoError } from "./errno.ts";
import { Eventfd } from "./eventfd.ts";
import { compiled, libc } from "./libc.ts";
import { OftenCalled } from "./often_called.ts";

const poll = new OftenCalled("poll");
const pollNonblocking = compiled("poll_nonblocking");

/** poll(2): there is data to read. */
export const POLLIN = 0x001;
/** poll(2): there is room to write. */
export const POLLOUT = 0x004;
/** poll(2): the other end is closed. Reported whether asked for or not. */
export const POLLHUP = 0x010;

const LONGEST_SLEEP_MS = 0x7fff_ffff;

/** Called when a descriptor is ready, with the poll(2) events seen. It must consume what is there. */
export type FdHandler = (events: number) => void;

/**
 * Sleeps on any number of file descriptors in one poll(2): a short one on this thread, any other one
 * on another thread, so that Deno's own event loop (signals, timers) goes on. One call at a time is under way: a pool of
 * threads shared with Deno's file operations serves these calls.
 */
export class FdWaiter implements Waiter, Disposable {
  readonly #clock: Clock;
  readonly #wakeup = new Eventfd();
  readonly #fds: number[] = [];
  readonly #handlers: FdHandler[] = [];
  readonly #masked: boolean[] = [];
  #sleeping = false;
  /** `struct pollfd` of each descriptor: `int fd; short events; short revents`. */
  #pollfds = new Int32Array(0);
  /** How many: made once for that array, as C's `nfds_t` is a BigInt here. */
  #nfds = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.add(this.#wakeup.fd, () => {
      this.#wakeup.drain();
    });
  }

  /** Watches `fd` for data. The descriptor stays the caller's; {@link remove} it before closing. */
  add(fd: number, handler: FdHandler): void {
    this.#fds.push(fd);
    this.#handlers.push(handler);
    this.#masked.push(false);
    this.#rebuild();
  }

  /** No longer watches `fd`. */
  remove(fd: number): void {
    const index = this.#fds.indexOf(fd);
    if (index < 0) return;
    this.#fds.splice(index, 1);
    this.#handlers.splice(index, 1);
    this.#masked.splice(index, 1);
    this.#rebuild();
  }

  /**
   * Leaves `fd` out, until {@link unmask}: its handler isn't called, and what poll(2) would report
   * again and again ends no sleep. Costs a store, where `remove` makes a new array.
   */
  mask(fd: number): void {
    this.#setMasked(fd, true);
  }

  /** Watches `fd` again. */
  unmask(fd: number): void {
    if (this.#setMasked(fd, false) && this.#sleeping) this.wake();
  }

  poll(): void {
    this.nap(0);
  }

  nap(milliseconds: number): boolean {
    const pollfds = this.#pollfds;
    const ready = pollNow(pollfds, this.#nfds, milliseconds);
    if (ready > 0) this.#dispatch(pollfds);
    // A signal ends it, too: the caller looks around.
    return ready !== 0;
  }

  /**
   * A sleep that ends at once: 10 to 30 µs. node:timers' setImmediate() takes one or two, but it loads
   * much of Node's when it's called first: a quarter of a second in a machine that QEMU emulates.
   */
  turn(): Promise<void> {
    return this.sleep(-Infinity);
  }

  async sleep(deadline: number): Promise<void> {
    const pollfds = this.#pollfds;
    const timeout = this.#timeout(deadline);
    this.#sleeping = true;
    const ready = await pollNonblocking(pollfds, this.#nfds, timeout);
    this.#sleeping = false;
    // errno stayed on the other thread; its one cause here is a signal (EINTR), after which the
    // caller looks around and sleeps again.
    if (ready > 0) this.#dispatch(pollfds);
  }

  wake(): void {
    this.#wakeup.signal();
  }

  [Symbol.dispose](): void {
    this.#wakeup[Symbol.dispose]();
  }

  #timeout(deadline: number): number {
    const left = Math.ceil(deadline - this.#clock.now());
    return left === Infinity ? -1 : Math.min(Math.max(left, 0), LONGEST_SLEEP_MS);
  }

  /** A new array each time, as a sleep under way still polls the one it was given. */
  #rebuild(): void {
    this.#pollfds = new Int32Array(2 * this.#fds.length);
    this.#nfds = BigInt(this.#fds.length);
    for (let i = 0; i < this.#fds.length; i++) {
      this.#pollfds[2 * i] = this.#masked[i] ? ~this.#fds[i] : this.#fds[i];
      this.#pollfds[2 * i + 1] = POLLIN;
    }
    this.wake();
  }

  /** poll(2) passes over a negative descriptor. A sleep under way has read the array already. */
  #setMasked(fd: number, masked: boolean): boolean {
    const index = this.#fds.indexOf(fd);
    if (index < 0 || this.#masked[index] === masked) return false;
    this.#masked[index] = masked;
    this.#pollfds[2 * index] = masked ? ~fd : fd;
    return true;
  }

  #dispatch(pollfds: Int32Array): void {
    for (let i = 0; i < pollfds.length; i += 2) {
      const revents = pollfds[i + 1] >>> 16;
      if (revents === 0) continue;
      // A handler that ran before may have removed this descriptor.
      const index = this.#fds.indexOf(pollfds[i]);
      if (index >= 0) this.#handlers[index](revents);
    }
  }
}

/** Whether `fd` is ready now: one of the poll(2) events of a prepared `pollfd`, or an error of it. */
export class ReadyProbe {
  readonly #pollfd: Int32Array<ArrayBuffer>;

  /** `events`: POLLIN or POLLOUT. */
  constructor(fd: number, events: number) {
    this.#pollfd = Int32Array.of(fd, events);
  }

  /** One system call, and nothing allocated. */
  ready(): boolean {
    return pollCall(this.#pollfd, 1n, 0) > 0;
  }

  /** Blocks until it's ready; false after `timeoutMs`. Nothing is allocated either. */
  wait(timeoutMs: number): boolean {
    let ready = pollCall(this.#pollfd, 1n, timeoutMs);
    while (ready < 0) {
      if (errno() !== EINTR) throw new ErrnoError("poll", errno());
      ready = pollCall(this.#pollfd, 1n, timeoutMs);
    }
    return ready > 0;
  }
}

/** Blocks until there is something to read from `fd`, or its peer is gone; false after `timeoutMs`. */
export function waitReadable(fd: number, timeoutMs: number): boolean {
  const pollfds = Int32Array.of(fd, POLLIN);
  let ready = pollNow(pollfds, 1n, timeoutMs);
  while (ready < 0) ready = pollNow(pollfds, 1n, timeoutMs);
  return ready > 0;
}

/** How many descriptors are ready; -1 when a signal came, which ends even a poll that doesn't wait. */
function pollNow(pollfds: Int32Array<ArrayBuffer>, nfds: bigint, timeoutMs: number): number {
  const ready = pollCall(pollfds, nfds, timeoutMs);
  if (ready < 0 && errno() !== EINTR) throw new ErrnoError("poll", errno());
  return ready;
}

function pollCall(pollfds: Int32Array<ArrayBuffer>, nfds: bigint, timeoutMs: number): number {
  const { compiled } = poll;
  if (compiled !== null) return compiled(pollfds, nfds, timeoutMs);
  poll.count();
  return libc.poll(pollfds, nfds, timeoutMs);
}
