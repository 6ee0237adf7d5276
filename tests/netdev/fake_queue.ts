import type { PolledQueue } from "../../netdev/polled_queue.ts";

/** A queue of a number of packets, and what was done to it. */
export class FakeQueue implements PolledQueue {
  /** Packets that wait; Infinity for a flood. */
  waiting: number;
  handled = 0;
  armed = true;
  arms = 0;
  disarms = 0;
  /** Weight and time of each poll. */
  readonly weights: number[] = [];
  readonly times: number[] = [];
  /** Both are called in each poll, before packets are taken. */
  onPoll: () => void;
  onTurn: () => void = () => {};
  /** Is called when the queue is about to be armed. */
  onArm: () => void = () => {};

  constructor(waiting: number, onPoll: () => void = () => {}) {
    this.waiting = waiting;
    this.onPoll = onPoll;
  }

  poll(weight: number, now: number): number {
    this.onPoll();
    this.onTurn();
    this.weights.push(weight);
    this.times.push(now);
    const count = Math.min(weight, this.waiting);
    this.waiting -= count;
    this.handled += count;
    return count;
  }

  arm(): boolean {
    this.arms++;
    this.onArm();
    this.armed = this.waiting === 0;
    return this.armed;
  }

  disarm(): void {
    this.disarms++;
    this.armed = false;
  }
}
