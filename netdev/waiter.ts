/**
 * How the event loop sleeps. Interrupt sources are registered with whoever implements this; their
 * handlers run inside {@link Waiter.poll}, {@link Waiter.turn} and {@link Waiter.sleep}, on the event
 * loop, never in the middle of a round of polls.
 */
export interface Waiter {
  /** Runs the handler of every source that is ready, without sleeping. */
  poll(): void;
  /** The same, after all else that waits in this process (signals, timers, promises) had its turn. */
  turn(): Promise<void>;
  /**
   * Blocks, and all else in this process's thread with it, until a source was ready and its handler
   * ran, or until {@link Waiter.wake} was called before: true; or for so many whole milliseconds: false.
   * A short sleep that allocates nothing. Who can't do that returns false at once.
   */
  nap(milliseconds: number): boolean;
  /**
   * Sleeps until a source was ready and its handler ran, or until `deadline` (milliseconds on the
   * loop's clock; Infinity: no deadline), or until {@link Waiter.wake}.
   */
  sleep(deadline: number): Promise<void>;
  /** Ends the sleep under way, or else makes the next one end at once. */
  wake(): void;
}
