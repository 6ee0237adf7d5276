import { PollLoop } from "../../netdev/poll_loop.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWaiter } from "./fake_waiter.ts";

/** A loop in fake time, and what it is made of. */
export class LoopFixture {
  readonly clock = new FakeClock();
  readonly waiter = new FakeWaiter(this.clock);
  readonly scheduler = new PollScheduler();
  readonly loop: PollLoop;

  constructor({ busyPoll = 0 } = {}) {
    const { clock, waiter, scheduler } = this;
    this.loop = new PollLoop({ clock, waiter, scheduler, busyPoll });
  }
}
