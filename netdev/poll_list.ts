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

  /** The first one's turn is over: it goes to the end. */
  rotate(first: QueuePlace): void {
    first.round = this.round;
    const last = this.#last;
    if (last === first || last === null) return;
    this.first = first.next;
    first.next = null;
    last.next = first;
    this.#last = first;
  }

  /** Members; goes through all of them. */
  count(): number {
    let count = 0;
    for (let place = this.first; place !== null; place = place.next) count++;
    return count;
  }

  /** Takes off a member: rare, and there are few, so it goes through them. */
  remove(place: QueuePlace): void {
    let before: QueuePlace | null = null;
    for (let each = this.first; each !== null && each !== place; each = each.next) before = each;
    if (before === null) this.first = place.next;
    else before.next = place.next;
    if (this.#last === place) this.#last = before;
    place.listed = false;
  }
}

/** What the scheduler knows of a queue. Its user sees the {@link Napi} of it. */
export class QueuePlace implements Napi {
  readonly queue: PolledQueue;
  readonly weight: number;
  enabled = false;
  /** On the list, where it also stays during its turn, as the first one. */
  listed = false;
  /**
   * No packets wait, as far as is known: its last turn was not used up, and nobody has scheduled it
   * since that began (what Linux keeps as NAPIF_STATE_MISSED).
   */
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
    return this.listed;
  }

  get counters(): NapiCounters {
    const { schedules, polls, packets, completes, missedInterrupts, squeezes } = this;
    return { schedules, polls, packets, completes, missedInterrupts, squeezes };
  }

  schedule(): boolean {
    if (!this.enabled) return false;
    this.dry = false;
    if (this.listed) return false;
    this.schedules++;
    this.emptyTurns = 0;
    this.#list.append(this);
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
}
