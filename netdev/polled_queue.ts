/** A queue that is polled while there's work and interrupts when there's some again. */
export interface PolledQueue {
  /**
   * Handles up to `weight` packets and says how many: all of `weight` means that more may wait, fewer
   * that none did. `now`: whole milliseconds.
   */
  poll(weight: number, now: number): number;
  /**
   * Lets the queue interrupt, and then looks again whether packets have come since its last poll: true
   * when none have and it sleeps, false when some wait and its interrupt is off.
   */
  arm(): boolean;
  /** Masks the interrupt. */
  disarm(): void;
}

/** What became of a queue so far: a snapshot. */
export interface NapiCounters {
  /** Times it was put on the list: by its interrupt, or by who enabled it. */
  readonly schedules: number;
  /** Turns it had. */
  readonly polls: number;
  /** Packets it handled in them. */
  readonly packets: number;
  /** Times it left the list, with its interrupt armed. */
  readonly completes: number;
  /** Times it was to leave, and the look after arming found packets that no interrupt tells of. */
  readonly missedInterrupts: number;
  /** Times a round was cut short while this queue had work left. */
  readonly squeezes: number;
}

/**
 * A queue's place with a scheduler: `struct napi_struct`. `PollScheduler.add()` makes one, disabled.
 * Each call may come from anywhere, the queue's own poll and arm included.
 */
export interface Napi {
  /** Packets it may handle in a turn. */
  readonly weight: number;
  /** Whether it may be scheduled. */
  readonly enabled: boolean;
  /** Whether it is on the list, or in the middle of its turn. */
  readonly scheduled: boolean;
  /** Packets it has handled so far: the one of the counters that costs no snapshot. */
  readonly packets: number;
  /** What became of it so far. */
  readonly counters: NapiCounters;
  /**
   * Masks the interrupt of the queue and puts it at the end of the list (`napi_schedule`). True when
   * it did; false when the queue is there already, or is disabled. What is scheduled in the middle of
   * its own turn has another one.
   */
  schedule(): boolean;
  /** Lets it be scheduled (`napi_enable`). Packets may wait already, so schedule it then. Idempotent. */
  enable(): void;
  /**
   * Takes it off the list and keeps it off (`napi_disable`); its interrupt is left as it is. Idempotent.
   * A queue that is gone for good is disabled and forgotten: the scheduler holds on to no other.
   */
  disable(): void;
}
