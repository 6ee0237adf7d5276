import type { Clock } from "../../../netdev/clock.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import type { UnixListener, UnixSocket } from "../../ffi/unix_socket.ts";
import type { FeatureSet } from "../features.ts";
import { VirtioError } from "../virtio_error.ts";
import { Connection } from "./connection.ts";
import { type Offer, readOffer } from "./offer.ts";

/** Wait before the next try: it doubles each time, until a back-end stayed for {@link STAYED_MS}. */
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 500;
const STAYED_MS = 100;

/** Where a back-end is found: at the other end of a socket that we connect, or that it connects. */
export type Meeting =
  | { readonly connect: () => UnixSocket }
  | { readonly listener: UnixListener };

/** A back-end that has told what it's able to do. */
export interface BackEnd {
  readonly connection: Connection;
  readonly offer: Offer;
}

/** Is told what becomes of back-ends. */
export interface BackEndEvents {
  /** Another one is there, in place of the one before; why it's of no use, or null when it is. */
  readonly onFound: (backEnd: BackEnd) => string | null;
  /** Who came is of no use; `reason` goes behind its name. Once for each reason in a row. */
  readonly onUseless: (reason: string) => void;
}

/**
 * Finds a back-end again whenever the one before was lost. Everything is done by handlers and timers,
 * so nothing stands still while one is silent. No try is the last.
 */
export class BackEnds implements Disposable {
  readonly #meeting: Meeting;
  readonly #waiter: FdWaiter;
  readonly #clock: Clock;
  readonly #without: FeatureSet;
  readonly #events: BackEndEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** One that hasn't told yet what it's able to do. */
  #asked: Connection | null = null;
  #delay = 0;
  #foundAt = -Infinity;
  #lastReason = "";
  #closed = false;

  /** `without`: features that are left out of what a back-end offers. */
  constructor(
    meeting: Meeting,
    waiter: FdWaiter,
    clock: Clock,
    without: FeatureSet,
    events: BackEndEvents,
  ) {
    this.#meeting = meeting;
    this.#waiter = waiter;
    this.#clock = clock;
    this.#without = without;
    this.#events = events;
    if (!("listener" in meeting)) return;
    const { listener } = meeting;
    waiter.add(listener.fd, () => this.#meet(() => listener.accept()));
    // Until one is sought: others wait in the backlog.
    waiter.mask(listener.fd);
  }

  /** Looks for the first, or for the next when one is lost: at once if that one stayed for a while. */
  seek(): void {
    if (this.#clock.now() - this.#foundAt >= STAYED_MS) this.#delay = 0;
    this.#seekLater();
  }

  /** Takes the first, which is connected already. */
  meet(socket: UnixSocket): void {
    this.#ask(new Connection(socket, this.#waiter, this.#clock));
  }

  #seekLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#seekNow(), this.#delay);
    this.#delay = Math.min(Math.max(2 * this.#delay, FIRST_DELAY_MS), LONGEST_DELAY_MS);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#asked?.[Symbol.dispose]();
    if (!("listener" in this.#meeting)) return;
    const { listener } = this.#meeting;
    this.#waiter.remove(listener.fd);
    listener[Symbol.dispose]();
  }

  #seekNow(): void {
    const meeting = this.#meeting;
    if ("listener" in meeting) this.#waiter.unmask(meeting.listener.fd);
    else this.#meet(meeting.connect);
  }

  #meet(get: () => UnixSocket | null): void {
    let socket: UnixSocket | null;
    try {
      socket = get();
    } catch {
      // Nobody listens yet: there's nothing to tell of that.
      return this.#seekLater();
    }
    if (socket === null) return;
    if ("listener" in this.#meeting) this.#waiter.mask(this.#meeting.listener.fd);
    this.meet(socket);
  }

  async #ask(connection: Connection): Promise<void> {
    this.#asked = connection;
    let reason: string | null;
    try {
      const offer = await readOffer(connection, this.#without);
      if (this.#closed) return;
      // It may have gone behind its last answer, and nobody was told yet.
      if (connection.lossReason !== null) throw new VirtioError(connection.lossReason);
      this.#foundAt = this.#clock.now();
      reason = this.#events.onFound({ connection, offer });
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.#asked = null;
    if (this.#closed) return;
    if (reason === null) this.#lastReason = "";
    else this.#useless(connection, reason);
    // What has become of it may be for the loop to do.
    this.#waiter.wake();
  }

  #useless(connection: Connection, reason: string): void {
    connection[Symbol.dispose]();
    if (reason !== this.#lastReason) this.#events.onUseless(reason);
    this.#lastReason = reason;
    this.#seekLater();
  }
}
