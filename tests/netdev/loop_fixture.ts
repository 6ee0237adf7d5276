import { PollLoop } from "../../netdev/poll_loop.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { Napi, PolledQueue } from "../../netdev/polled_queue.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWaiter } from "./fake_waiter.ts";

/** A loop in fake time, and what it is made of. */
export class LoopFixture {
  readonly clock = new FakeClock();
  readonly waiter = new FakeWaiter(this.clock);
  readonly scheduler: PollScheduler;
  readonly loop: PollLoop;

  constructor({ busyPoll = 0, deferral = Infinity } = {}) {
    const { clock, waiter } = this;
    const scheduler = new PollScheduler({ clock, deferral });
    this.scheduler = scheduler;
    this.loop = new PollLoop({ clock, waiter, scheduler, busyPoll });
  }
}

/** A place for `queue` with `scheduler`, enabled and scheduled. */
export function scheduled(scheduler: PollScheduler, queue: PolledQueue, weight?: number): Napi {
  const napi = scheduler.add(queue, weight);
  napi.enable();
  napi.schedule();
  return napi;
}
