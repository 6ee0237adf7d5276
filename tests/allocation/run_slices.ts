import { Log } from "../../app/log.ts";
import { parseServe } from "../../app/serve_options.ts";
import { ServedDevice } from "../../app/served_device.ts";
import { ServedDevices } from "../../app/served_devices.ts";
import { Eventfd } from "../../drivers/ffi/eventfd.ts";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import type { Clock } from "../../netdev/clock.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollLoop, type Ticker } from "../../netdev/poll_loop.ts";
import type { PolledQueue } from "../../netdev/polled_queue.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { EchoPartner } from "../device/echo_partner.ts";
import { probeVirtioNet } from "../device/probe_virtio_net.ts";
import { configureOnePair } from "../netdev/one_pair.ts";
import { HOST_MAC, mac } from "../stack/frames.ts";

/*
 * `run_slices.ts work|naps [plant]`, with V8's --trace-gc and --expose-gc: so many slices of the loop
 * between two collections that it asks for, with all that ticks in an appliance. Each has a packet
 * (work), or every other one, and in between the loop sleeps until an interrupt tells of it (naps).
 * `plant` makes one object per slice.
 */

declare const gc: (options: { readonly type: "minor" }) => void;

const WARM_UP_SLICES = 50_000;
const SLICES = 100_000;
/** Times that the clock shows in its millisecond. */
const TIMES = 1000;

/**
 * Goes through times that are on the heap already: a reading makes no number, be it compiled into its
 * caller or not. It's slow, as turns of Deno's event loop do allocate, also when the machine is.
 */
class TableClock implements Clock {
  /** With something else among them, or V8 would keep them as bare doubles. */
  readonly #times: (number | null)[] = [
    ...Array.from({ length: TIMES }, (_, i) => 1000 + (i + 0.5) / TIMES),
    null,
  ];
  #readings = 0;

  now(): number {
    return this.#times[Math.min(this.#readings++ >>> 10, TIMES - 1)] ?? 0;
  }
}

/** A packet now and then, so that slices find one and end. */
class IntermittentQueue implements PolledQueue {
  /** Comes for the next packet as soon as the queue is armed. */
  readonly interrupt = new Eventfd();
  /** Whether there's a packet. */
  waits = true;
  readonly #interrupts: boolean;

  /** Without interrupts there's a packet in every other poll. */
  constructor(interrupts: boolean) {
    this.#interrupts = interrupts;
  }

  poll(): number {
    const { waits } = this;
    this.waits = !waits && !this.#interrupts;
    return waits ? 1 : 0;
  }

  arm(): boolean {
    this.interrupt.signal();
    return true;
  }

  disarm(): void {
    // It interrupts only once it's armed again.
  }
}

/** Counts slices, and asks for a collection before and behind those that matter. */
class Slices implements Ticker {
  count = 0;
  /** Where planted objects go, so that V8 can't do without them. */
  planted: object = {};
  readonly #plants: boolean;
  readonly #onEnd: () => void;

  constructor(plants: boolean, onEnd: () => void) {
    this.#plants = plants;
    this.#onEnd = onEnd;
  }

  tick(now: number): number {
    const count = ++this.count;
    if (this.#plants) this.planted = { now, count };
    if (count === WARM_UP_SLICES) gc({ type: "minor" });
    if (count === WARM_UP_SLICES + SLICES) {
      gc({ type: "minor" });
      this.#onEnd();
    }
    return Infinity;
  }
}

const [mode, planted] = Deno.args;
const clock = new TableClock();
const waiter = new FdWaiter(clock);
const scheduler = new PollScheduler();
// Without a busy-poll window the slice ends with the first poll in vain.
const loop = new PollLoop({ clock, waiter, scheduler, busyPoll: 0 });

const devices = servedDevices();
await devices.open(new AbortController().signal);
devices.start();
loop.addTicker(devices);
loop.addTicker(virtioNet());
const slices = new Slices(planted === "plant", () => loop.stop());
loop.addTicker(slices);

const queue = new IntermittentQueue(mode === "naps");
const napi = scheduler.add(queue);
napi.enable();
napi.schedule();
waiter.add(queue.interrupt.fd, () => {
  queue.interrupt.drain();
  queue.waits = true;
  napi.schedule();
});
await loop.run();
const kept = slices.planted;
if (planted === "plant" && !("count" in kept)) throw new Error("nothing was planted");
if (mode === "naps" && loop.sleeps < SLICES / 4) throw new Error(`only ${loop.sleeps} sleeps`);
Deno.exit(0);

/** A device that needs nobody: it listens. */
function servedDevices(): ServedDevices {
  const { devices } = parseServe([
    `--device=stream:@ukdeno-slices-${Deno.pid},server=on`,
    "--ip=10.0.2.15/24",
  ]);
  const appliance = {
    ...{ log: new Log("json"), clock, waiter, scheduler, registry: new NetdevRegistry() },
    ...{ several: false, leaveChecksums: false },
  };
  const served = devices.map((options, number) => new ServedDevice(number, options, appliance));
  return new ServedDevices(served, () => loop.stop());
}

/** A running card whose driver has a watchdog. */
function virtioNet(): Ticker {
  const partner = new EchoPartner(mac(HOST_MAC), [], {});
  const { netdev } = probeVirtioNet(partner, partner.ring);
  configureOnePair(netdev, 512);
  netdev.start();
  return { tick: (now) => netdev.watchdog(now) };
}
