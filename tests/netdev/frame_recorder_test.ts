import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FrameRecorder, recordedOps } from "../../netdev/frame_recorder.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver, without } from "./fake_driver.ts";
import { configureOnePair } from "./one_pair.ts";

/** Notes what it's shown, by the first byte of each frame. */
class NotingRecorder implements FrameRecorder {
  readonly notes: string[] = [];
  /** Frames that it can stage at once. */
  room = Infinity;
  #staged: number[] = [];

  received(netbufs: readonly Netbuf[], count: number): void {
    this.notes.push(`received ${netbufs.slice(0, count).map(firstByte).join(" ")}`);
  }

  stage(netbufs: readonly Netbuf[], from: number, count: number): number {
    const staged = Math.min(count, this.room);
    this.#staged = netbufs.slice(from, from + staged).map(firstByte);
    return staged;
  }

  sent(count: number): void {
    if (count > 0) this.notes.push(`sent ${this.#staged.slice(0, count).join(" ")}`);
  }
}

function firstByte({ region, data }: Netbuf): number {
  return region.u8[data];
}

/** A device so fast that a frame has gone, and its netbuf is another's, when txBurst returns. */
class FastDriver extends FakeDriver {
  override txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    const taken = super.txBurst(queueId, netbufs, from, count);
    for (const { region, data } of netbufs.slice(from, from + taken)) region.u8[data] = 0xee;
    return taken;
  }
}

/** A running device whose frames are recorded, and frames to send. */
class Recorded {
  readonly recorder = new NotingRecorder();
  readonly driver = new FastDriver();
  readonly netdev: Netdev;

  constructor() {
    const registry = new NetdevRegistry({ recorder: this.recorder });
    this.netdev = registry.drvRegister(fakeDevice(this.driver));
    this.netdev.probe();
    configureOnePair(this.netdev, 16);
    this.netdev.start();
  }

  frames(...firstBytes: number[]): Netbuf[] {
    return firstBytes.map((byte) => {
      const netbuf = this.driver.pools[0].alloc();
      assert(netbuf !== null);
      netbuf.region.u8[netbuf.data] = byte;
      netbuf.length = 60;
      return netbuf;
    });
  }
}

Deno.test("frames are seen both ways, in the order in which they pass", () => {
  const { recorder, driver, netdev, ...rest } = new Recorded();
  assertEquals(rest, {});
  const burst: Netbuf[] = [];
  driver.deliver(Uint8Array.of(1));
  driver.deliver(Uint8Array.of(2));
  assertEquals(netdev.rxBurst(0, burst, 8), 2);
  assertEquals(netdev.txBurst(0, burst, 0, 2), 2);
  driver.deliver(Uint8Array.of(3));
  assertEquals(netdev.rxBurst(0, burst, 8), 1);
  assertEquals(netdev.rxBurst(0, burst, 8), 0);
  assertEquals(recorder.notes, ["received 1 2", "sent 1 2", "received 3"]);
});

Deno.test("a received frame is seen before the stack rewrites it, a sent one as it was given", () => {
  const { recorder, driver, netdev } = new Recorded();
  const burst: Netbuf[] = [];
  driver.deliver(Uint8Array.of(1));
  netdev.rxBurst(0, burst, 8);
  burst[0].region.u8[burst[0].data] = 9;
  netdev.txBurst(0, burst, 0, 1);
  assertEquals(recorder.notes, ["received 1", "sent 9"]);
});

Deno.test("of a burst that found room only for its beginning, only that is seen", () => {
  const link = new Recorded();
  link.driver.txSlots = 3;
  link.driver.holdsTx = true;
  const burst = link.frames(5, 6, 7, 8, 9);
  assertEquals(link.netdev.txBurst(0, burst, 1, 4), 3);
  assertEquals(link.netdev.txBurst(0, burst, 4, 1), 0);
  assertEquals(link.recorder.notes, ["sent 6 7 8"]);
});

Deno.test("a burst that the recorder has no room for at once goes out in parts", () => {
  const link = new Recorded();
  link.recorder.room = 2;
  const burst = link.frames(1, 2, 3, 4, 5);
  assertEquals(link.netdev.txBurst(0, burst, 0, 5), 5);
  assertEquals(link.driver.txBursts, [2, 2, 1]);
  assertEquals(link.recorder.notes, ["sent 1 2", "sent 3 4", "sent 5"]);
});

Deno.test("a burst in parts ends with the part that found no room", () => {
  const link = new Recorded();
  link.recorder.room = 2;
  link.driver.txSlots = 3;
  link.driver.holdsTx = true;
  assertEquals(link.netdev.txBurst(0, link.frames(1, 2, 3, 4, 5), 0, 5), 3);
  assertEquals(link.driver.txBursts, [2, 2]);
  assertEquals(link.recorder.notes, ["sent 1 2", "sent 3"]);
});

Deno.test("an empty burst reaches the driver, which may have something to do", () => {
  const link = new Recorded();
  assertEquals(link.netdev.txBurst(0, [], 0, 0), 0);
  assertEquals(link.driver.txBursts, [0]);
  assertEquals(link.recorder.notes, []);
});

Deno.test("what a driver throws comes through", () => {
  const driver = new FakeDriver();
  driver.failing = "start";
  const netdev = new NetdevRegistry({ recorder: new NotingRecorder() }).drvRegister(
    fakeDevice(driver),
  );
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  netdev.rxqConfigure(0, 0, { pool: netdev.poolCreate({ count: 1 }) });
  netdev.txqConfigure(0, 0);
  assertThrows(() => netdev.start(), Error, "the device failed in start");
});

Deno.test("all other ops are the driver's own, and what it lacks is lacking", () => {
  const driver = new FakeDriver();
  const all = recordedOps(driver, new NotingRecorder());
  for (const [name, op] of Object.entries(all)) {
    assertEquals(typeof op, typeof Reflect.get(driver, name), name);
  }
  all.configure({ rxQueues: 2, txQueues: 1 });
  assertEquals(driver.calls, ["configure 2 1"]);
  assertEquals(all.linkGet?.(), false);

  const poor = recordedOps(
    without(driver, "probe", "rxqIntrEnable", "rxqIntrDisable"),
    new NotingRecorder(),
  );
  assertEquals(poor.probe, undefined);
  assertEquals(poor.rxqIntrEnable, undefined);
  const registry = new NetdevRegistry({ recorder: new NotingRecorder() });
  registry.drvRegister(fakeDevice(poor, "poor")).configure({ rxQueues: 1, txQueues: 1 });
});

Deno.test("without a recorder the driver's own ops are called, nothing between", () => {
  const driver = new FakeDriver();
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(driver));
  let through: unknown = null;
  driver.statsGet = function (this: unknown): NetdevCounters {
    through = this;
    return FakeDriver.prototype.statsGet.call(driver);
  };
  netdev.probe();
  netdev.statsGet();
  assert(through === driver);
});
