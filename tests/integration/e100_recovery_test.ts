import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { DeviceRecovery } from "../../app/device_recovery.ts";
import { runNetdev } from "../../app/run_netdev.ts";
import { E100Netdev } from "../../drivers/e100/e100_netdev.ts";
import type { Clock } from "../../netdev/clock.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollLoop } from "../../netdev/poll_loop.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { E100Model } from "../device/e100_model.ts";
import {
  arpFrame,
  arpReplyFromHost,
  HOST_IP,
  HOST_MAC,
  ip,
  mac,
  PEER_IP,
} from "../stack/frames.ts";
import { QUIET } from "../stack/quiet_observer.ts";

Deno.test("a transmitter that gets stuck under a host is reset, and the host answers again", async () => {
  const model = new E100Model([...mac(HOST_MAC)], 8 << 20);
  const log: string[] = [];
  // Nobody interrupts here: to sleep is to be woken when the next thing is due.
  let time = 0;
  const clock: Clock = { now: () => time += 0.01 };
  const waiter = {
    poll(): void {},
    wake(): void {},
    nap: (): boolean => false,
    turn: (): Promise<void> => setImmediate().then(() => waiter.poll()),
    sleep(deadline: number): Promise<void> {
      time = Math.max(time, deadline);
      if (model.asserted) model.interrupt();
      return Promise.resolve();
    },
  };
  const recoveries: DeviceRecovery[] = [];
  const ops = new E100Netdev(model, clock, { onFailure: (why) => recoveries[0].fail(why) });
  const netdev = new NetdevRegistry().drvRegister(ops.device);
  netdev.probe();
  const scheduler = new PollScheduler();
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: ip(PEER_IP) };
  const { networkInterface } = runNetdev(netdev, place, scheduler, QUIET);
  const recovery = new DeviceRecovery(netdev, networkInterface, {
    onReset: (why) => log.push(`reset after ${Math.round(time / 1000)} s: ${why}`),
    onGiveUp: (why) => log.push(why),
  });
  recoveries.push(recovery);
  const loop = new PollLoop({ clock, waiter, scheduler, busyPoll: 0 });
  loop.addTicker(networkInterface);
  loop.addTicker(recovery);
  loop.addTicker({ tick: (now) => netdev.watchdog(now) });
  const question = arpFrame();
  let asked = 0;
  loop.addTicker({
    tick: (now) => {
      // Every half a second; in the third one the transmitter breaks, until the card is reset.
      if (now >= 500 * asked) {
        asked++;
        if (asked === 3) model.carriesOut = false;
        model.receive(question);
        if (model.asserted) model.interrupt();
      }
      if (now >= 10_000) loop.stop();
      return 500 * asked;
    },
  });
  model.onReset = () => model.carriesOut = true;
  await loop.run();
  assertEquals(log, ["reset after 4 s: the model has sent nothing for 2 s"]);
  const answer = [...arpReplyFromHost()];
  assertEquals(model.sent.every((frame) => `${frame}` === `${answer}`), true);
  // From the first second to the fourth it was stuck: what was asked meanwhile is lost.
  assertEquals([asked, model.sent.length > 10], [21, true]);
});
