/** A queue is looked at so often as long as packets come and go. */
const LIVELY_INTERVAL_MS = 1;

/** And so often in silence: a look costs a wake-up, and whoever breaks the silence waits that long. */
const SILENT_INTERVAL_MS = 10;

/** Without a packet for so long there's silence: one ping a second doesn't leave any. */
const SILENCE_MS = 2000;

/** When to look at a queue of whose packets no interrupt tells. All times are whole milliseconds. */
export class PollTimer {
  #next = 0;
  #livelyUntil = 0;
  /** What the queue had handled when that was told last. */
  #packets = 0;
  #stirred = true;

  /** When the next look is due, after {@link isDue} or a call of it that returned false. */
  get next(): number {
    return this.#next;
  }

  /** Something is going to come: as if it had been heard already. */
  stir(): void {
    this.#stirred = true;
  }

  /** Whether it's time for a look, which is had now then. `packets`: all that the queue has handled. */
  isDue(now: number, packets: number): boolean {
    if (this.#stirred || packets !== this.#packets) {
      this.#stirred = false;
      this.#packets = packets;
      this.#livelyUntil = now + SILENCE_MS;
      if (this.#next > now + LIVELY_INTERVAL_MS) this.#next = now + LIVELY_INTERVAL_MS;
    }
    if (now < this.#next) return false;
    const isLively = now < this.#livelyUntil;
    this.#next = now + (isLively ? LIVELY_INTERVAL_MS : SILENT_INTERVAL_MS);
    return true;
  }
}
