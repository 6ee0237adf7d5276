import type { Napi, NapiCounters, PolledQueue } from "./polled_queue.ts";

/** The queues to be polled, in the order of their turns: a list that is linked through its members. */
export class PollList {
  /** Who is next. */
  first: QueuePlace | null = null;
  /** Number of the round under way, or else of the last one. */
  round = 0;

  #last: QueuePlace | null = null;

  /** Adds one that is on no list. */
  append(place: QueuePlace): void {
    place.listed = true;
    place.round = this.round;
    place.next = null;
    if (this.#last === null) this.first = place;
    else this.#last.next = place;
    this.#last = place;
  }

  /** Takes off the first one. */
  shift(first: QueuePlace): void {
    first.listed = false;
    this.first = first.next;
    if (this.first === null) this.#last = null;
  }

  /** Members; goes through all of them. */
  count(): number {
    let count = 0;
    for (let place = this.first; place !== null; place = place.next) count++;
    return count;
  }

  /** Takes off any member: rare, and there are few queues, so it goes through them. */
  remove(place: QueuePlace): void {
    let before = this.first;
    if (before === null || before === place) return this.shift(place);
    while (before.next !== null && before.next !== place) before = before.next;
    before.next = place.next;
    if (this.#last === place) this.#last = before;
    place.listed = false;
  }
}

/** What the scheduler knows of a queue. Its user sees the {@link Napi} of it. */
export class QueuePlace implements Napi {
  readonly queue: PolledQueue;
  readonly weight: number;
  enabled = false;
  /** On the list. */
  listed = false;
  /** In its poll, or in its arm; not on the list then. */
  busy = false;
  /** It was scheduled while it was busy. */
  missed = false;
  /** Its last turn was not used up: no packets wait, as far as is known. */
  dry = false;
  /** Turns in a row in which it handled nothing. */
  emptyTurns = 0;
  /** The round in which it came to the end of the list: it has no turn in that one. */
  round = 0;
  next: QueuePlace | null = null;

  schedules = 0;
  polls = 0;
  packets = 0;
  completes = 0;
  missedInterrupts = 0;
  squeezes = 0;

  readonly #list: PollList;

  constructor(list: PollList, queue: PolledQueue, weight: number) {
    this.#list = list;
    this.queue = queue;
    this.weight = weight;
  }

  get scheduled(): boolean {
    return this.listed || this.busy;
  }

  get counters(): NapiCounters {
    const { schedules, polls, packets, completes, missedInterrupts, squeezes } = this;
    return { schedules, polls, packets, completes, missedInterrupts, squeezes };
  }

  schedule(): boolean {
    if (!this.enabled || this.listed) return false;
    if (this.busy) {
      this.missed = true;
      return false;
    }
    this.schedules++;
    this.putBack();
    this.queue.disarm();
    return true;
  }

  enable(): void {
    this.enabled = true;
  }

  disable(): void {
    this.enabled = false;
    if (this.listed) this.#list.remove(this);
  }

  /** To the end of the list, as one with work. */
  putBack(): void {
    this.dry = false;
    this.emptyTurns = 0;
    this.#list.append(this);
  }
}
