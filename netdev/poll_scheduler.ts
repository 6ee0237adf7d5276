import { type Clock, monotonicClock } from "./clock.ts";
import { NetdevError } from "./netdev_error.ts";
import { PollList, QueuePlace } from "./poll_list.ts";
import type { Napi, PolledQueue } from "./polled_queue.ts";

/** Packets that one queue may handle before the next one has its turn (Linux: NAPI_POLL_WEIGHT). */
export const POLL_WEIGHT = 64;

/** Packets after which a round gives no further turn (Linux: net.core.netdev_budget). */
export const POLL_BUDGET = 300;

/**
 * Work between two looks at the clock, which cost as much as handling two packets each: turns and packets
 * together. A turn with few packets or none must not pay for a quarter of a look.
 */
const WORK_PER_CLOCK_READ = 256;

/** The same in turns, whatever they handle, where turns take so long that more would come too late. */
const SLOW_TURNS_PER_CLOCK_READ = 4;

/** More milliseconds than this between two looks are long: some of them make up a deadline. */
const SLOW_MS = 0.125;

/** How a scheduler goes about it. */
export interface PollSchedulerOptions {
  /** The time that deadlines of rounds are in; the machine's own by default. */
  readonly clock?: Clock;
  /**
   * Turns that a queue without work still has, with its interrupt off, before it is armed. 0: armed
   * at the end of the first turn that was not used up, as in classic NAPI. Infinity, the default: not
   * before {@link PollScheduler.arm} is called, which the loop does at the end of its busy-poll window.
   */
  readonly deferral?: number;
}

/**
 * Whose turn it is to be polled: NAPI, the way Linux receives, as a plain data structure.
 *
 * A card that interrupts for each packet leaves a busy machine no time for anything but interrupts;
 * a card that is polled all the time leaves an idle one no rest. So the first packet interrupts, and
 * that does no more than mask the interrupt and put the queue on a list ({@link Napi.schedule}).
 * From then on the queue is polled, in turns with all others on the list. When it has run dry it
 * *completes*: it leaves the list, its interrupt is armed, and then it is looked at once more, as a
 * packet between its last poll and the arming has interrupted nobody. The busier the machine, the
 * fewer interrupts it takes.
 *
 * **Turns.** A turn is one poll of one queue, of at most its weight in packets. A queue that used all
 * of it goes to the end of the list, behind whoever was scheduled meanwhile; so nobody on the list
 * ever waits for more than one weight of each other queue, however hard those are flooded. A round
 * gives each queue on the list one turn, until {@link POLL_BUDGET} packets are handled or the
 * deadline has passed; the last turn is a whole one, so the budget may be exceeded by part of a
 * weight. The next round begins with the queue that this one did not come to. A round that is cut
 * short with work left is a *squeeze*: counted here, and with each queue that has work left. Many of
 * them mean that this processor is too slow for its network.
 *
 * **In Linux** three contexts share this. The hard IRQ handler stops whatever runs, masks the card's
 * interrupt, appends the queue to the processor's `poll_list` and raises a softirq. The softirq
 * (`net_rx_action`) runs as soon as the handler returns, before the process that was interrupted goes
 * on, and gives the turns: 300 packets or 2 jiffies a round. When rounds follow each other for 2 ms,
 * or ten times, the rest is left to `ksoftirqd`. That is a thread like any other, so that processes,
 * which use what was received, get on too.
 *
 * **Here** there is one thread, and nothing interrupts it. What the hard IRQ does is done by the
 * handler that a `Waiter` calls when it finds its source ready: between two slices, and after a
 * sleep. The softirq is the slice of a `PollLoop`, rounds for about a millisecond; the end of a
 * slice gives Deno's event loop its turn, with signals, sockets and timers, which are the processes
 * and `ksoftirqd` in one. The budget only parts rounds: to yield after each was measured at half
 * as much again for each packet. No lock is needed, and "is it scheduled" is a field, not an
 * atomic bit; a schedule from inside a queue's own poll or arm is the only race left, and such a
 * queue has another turn (NAPIF_STATE_MISSED). A queue can't forget to complete, or do so too
 * early: the scheduler has it do so, going by the packets that its poll says it handled.
 *
 * **Old NAPI** (before Linux 2.6.24) had devices on the list, put there by `netif_rx_schedule`;
 * `dev->poll` took what it handled off its own quota and the round's budget, and returned whether it
 * wanted another turn. Since then a device has a `napi_struct` for each queue, and its poll is given
 * a weight and returns a count, which tells as much.
 *
 * **Deferral.** As nothing interrupts, the interrupt of an armed queue is seen when the slice is over,
 * while a queue that stays on the list has its turn in each round, after a weight of each other.
 * To poll it for nothing costs a look at an index; to arm it costs a fence, maybe an interrupt and
 * a wake-up. So by default a dry queue stays until the loop is about to sleep. Linux grew the same
 * (`napi_defer_hard_irqs`, a number of empty polls, each after `gro_flush_timeout`):
 * {@link PollSchedulerOptions.deferral} is that number, and the loop's busy-poll window is the time.
 * A small one suits queues that cost a system call to look at, beside others that never run dry.
 */
export class PollScheduler {
  /** Polls of a queue so far. */
  polls = 0;
  /** Rounds that were cut short, by budget or by deadline, with work left. */
  squeezes = 0;
  /** Whether the last round was one of these. */
  squeezed = false;
  /** Whether the last round found that its deadline had passed. */
  late = false;

  readonly #clock: Clock;
  readonly #deferral: number;
  readonly #list = new PollList();
  /** Of {@link WORK_PER_CLOCK_READ}, or of the turns of slow queues. */
  #workToClockRead = SLOW_TURNS_PER_CLOCK_READ;
  #isSlow = true;
  #lastClockRead = -Infinity;

  /** Polls nothing yet. */
  constructor({ clock = monotonicClock, deferral = Infinity }: PollSchedulerOptions = {}) {
    this.#clock = clock;
    this.#deferral = deferral;
  }

  /**
   * A place for `queue` (`netif_napi_add`), disabled until {@link Napi.enable}. `NetdevError("EINVAL")`
   * for a weight that is no whole number from 1 to {@link POLL_WEIGHT}.
   */
  add(queue: PolledQueue, weight: number = POLL_WEIGHT): Napi {
    if (!Number.isInteger(weight) || weight < 1 || weight > POLL_WEIGHT) {
      throw new NetdevError(
        "EINVAL",
        `weight ${weight} is no whole number from 1 to ${POLL_WEIGHT}`,
      );
    }
    return new QueuePlace(this.#list, queue, weight);
  }

  /** Rounds of polls so far. */
  get rounds(): number {
    return this.#list.round;
  }

  /** Whether no queue is scheduled. */
  get idle(): boolean {
    return this.#list.first === null;
  }

  /**
   * Gives each scheduled queue a turn, until the budget is used up or `deadline` on the scheduler's
   * clock has passed, which is looked at once in several turns. `now`: whole milliseconds, for the
   * queues. Returns the packets handled. What a queue throws comes through, and it is still that queue's
   * turn; likewise `NetdevError("EINVAL")`, when one says that it handled more than its weight.
   */
  round(now: number, deadline: number = Infinity): number {
    const list = this.#list;
    const round = ++list.round;
    let handled = 0;
    this.squeezed = false;
    this.late = false;
    for (;;) {
      const place = list.first;
      if (place === null || place.round === round) return handled;
      if (handled >= POLL_BUDGET) break;
      const packets = this.#turn(place, now);
      handled += packets;
      if (deadline === Infinity) continue;
      this.#workToClockRead -= this.#isSlow ? 1 : 1 + packets;
      if (this.#workToClockRead > 0) continue;
      this.late = this.#readClock() >= deadline;
      if (this.late) break;
    }
    this.#squeeze();
    return handled;
  }

  /**
   * Ends all deferral: completes each queue that its last turn left dry. Those with work, or not polled
   * since they were scheduled, stay. Whether no queue is scheduled any more.
   */
  arm(): boolean {
    const list = this.#list;
    for (let left = list.count(); left > 0 && list.first !== null; left--) {
      const place = list.first;
      if (place.dry) this.#complete(place);
      else list.rotate(place);
    }
    return this.idle;
  }

  /** The time; and when to look again, by how long ago the last look was. */
  #readClock(): number {
    const time = this.#clock.now();
    this.#isSlow = time - this.#lastClockRead > SLOW_MS;
    this.#lastClockRead = time;
    this.#workToClockRead = this.#isSlow ? SLOW_TURNS_PER_CLOCK_READ : WORK_PER_CLOCK_READ;
    return time;
  }

  /** One poll of the first queue, and what follows from it for that queue. */
  #turn(place: QueuePlace, now: number): number {
    const list = this.#list;
    place.dry = true;
    const handled = place.queue.poll(place.weight, now);
    // Put this way it refuses NaN, too.
    if (!(handled >= 0 && handled <= place.weight)) refuse(place, handled);
    this.polls++;
    place.polls++;
    place.packets += handled;
    const emptyTurns = handled > 0 ? 0 : place.emptyTurns;
    place.emptyTurns = emptyTurns + 1;
    // Its own poll has disabled it.
    if (list.first !== place) return handled;
    if (handled === place.weight) place.dry = false;
    if (place.dry && emptyTurns >= this.#deferral) this.#complete(place);
    else list.rotate(place);
    return handled;
  }

  /** Arms the first queue, which leaves the list, unless it has work after all. */
  #complete(place: QueuePlace): void {
    const list = this.#list;
    const armed = place.queue.arm();
    const completed = armed && place.dry;
    if (completed) place.completes++;
    else place.missedInterrupts++;
    // Its own arm has disabled it.
    if (list.first !== place) return;
    if (completed) return list.remove(place);
    if (armed) place.queue.disarm();
    place.dry = false;
    list.rotate(place);
  }

  /** The round was cut short: that's no squeeze when all who are left are dry. */
  #squeeze(): void {
    for (let place = this.#list.first; place !== null; place = place.next) {
      if (place.dry) continue;
      place.squeezes++;
      this.squeezed = true;
    }
    if (this.squeezed) this.squeezes++;
  }
}

function refuse({ weight }: QueuePlace, handled: number): never {
  throw new NetdevError("EINVAL", `a poll of weight ${weight} says it handled ${handled}`);
}
