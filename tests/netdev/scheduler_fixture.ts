import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { Napi } from "../../netdev/polled_queue.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeQueue } from "./fake_queue.ts";
import { scheduled } from "./loop_fixture.ts";

/** A scheduler with these queues on its list. */
export class SchedulerFixture {
  readonly clock = new FakeClock(0, 0);
  readonly scheduler: PollScheduler;
  readonly queues: readonly FakeQueue[];
  readonly napis: readonly Napi[];

  constructor(queues: readonly FakeQueue[], deferral?: number) {
    const { clock } = this;
    const options = deferral === undefined ? { clock } : { clock, deferral };
    this.scheduler = new PollScheduler(options);
    this.queues = queues;
    this.napis = queues.map((queue) => scheduled(this.scheduler, queue));
  }

  get handled(): number[] {
    return this.queues.map(({ handled }) => handled);
  }

  get turns(): number[] {
    return this.queues.map(({ weights }) => weights.length);
  }

  get armed(): boolean[] {
    return this.queues.map(({ armed }) => armed);
  }

  get squeezes(): number[] {
    return this.napis.map(({ counters }) => counters.squeezes);
  }
}

/** Queues that always have packets. */
export function floods(count: number): FakeQueue[] {
  return Array.from({ length: count }, () => new FakeQueue(Infinity));
}

/** Queues that write their name into `order` at each turn. */
export function named(order: string[], ...waiting: readonly number[]): FakeQueue[] {
  return waiting.map((packets, i) => new FakeQueue(packets, () => order.push("abcdefgh"[i])));
}
