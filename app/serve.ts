import { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../netdev/clock.ts";
import { NetdevRegistry } from "../netdev/netdev_registry.ts";
import { PollLoop, type Ticker } from "../netdev/poll_loop.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import { onCountersSignal } from "./counters_signal.ts";
import { type Counters, countersText } from "./counters_text.ts";
import { Log } from "./log.ts";
import type { PcapFile } from "./open_pcap.ts";
import type { ServeOptions } from "./serve_options.ts";
import { ServedDevice } from "./served_device.ts";
import { ServedDevices } from "./served_devices.ts";
import { onStopSignal } from "./stop_signals.ts";

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31;

/** The first packets wait already when devices are started: for so long nothing is to keep them. */
const FIRST_PACKETS_MS = 250;

/** A device or a QEMU that failed while it served. */
export class ServeError extends Error {
  override readonly name = "ServeError";
}

/**
 * Is a host on each of its networks until a signal, the end of the duration, or the end of the last
 * device. `ServeError` when a device failed meanwhile; the errors of drivers when one can't be opened.
 * `onServing` is called once, when the first packets have had their answers. `scheduler`: one that
 * measures itself, for whoever compares.
 */
export async function serve(
  options: ServeOptions,
  onServing: () => void = () => {},
  scheduler: PollScheduler = new PollScheduler(),
): Promise<void> {
  const log = new Log(options.log);
  const clock = monotonicClock;
  using capture = options.pcap === null ? null : await record(options.pcap, log);
  using waiter = new FdWaiter(clock);
  const loop = new PollLoop({ clock, waiter, scheduler, busyPoll: options.busyPoll });
  const registry = new NetdevRegistry({
    recorder: capture?.recorder ?? null,
    einfo: options.devices.map(({ einfo }) => einfo),
  });
  const several = options.devices.length > 1;
  const { leaveChecksums } = options;
  const appliance = { log, clock, waiter, scheduler, registry, several, leaveChecksums };
  await using devices = new ServedDevices(
    options.devices.map((device, number) => new ServedDevice(number, device, appliance)),
    () => loop.stop(),
  );
  const stopping = new AbortController();
  using _signals = onStopSignal(() => {
    stopping.abort();
    loop.stop();
  });
  if (!await open(devices, stopping, options.duration)) return;
  const started = clock.now();
  const counters = (): Counters => ({
    devices: devices.counters(),
    loop: {
      rounds: scheduler.rounds,
      polls: scheduler.polls,
      sleeps: loop.sleeps,
      squeezes: loop.squeezes,
    },
  });
  // Who reads that it's ready may ask at once, and would end it otherwise.
  using _telling = onCountersSignal(() =>
    logCounters(log, "counters", clock.now() - started, counters())
  );
  devices.start();
  loop.addTicker(devices);
  loop.addTicker({ tick: (now) => stopAt(started + options.duration, now, loop) });
  loop.addTicker(once(clock.now() + FIRST_PACKETS_MS, onServing));
  // The last, so that nothing waits to be written while the loop sleeps.
  if (capture !== null) loop.addTicker(capture.recorder);

  await loop.run();

  if (!devices.gone) logCounters(log, "stopped", clock.now() - started, counters());
  if (devices.failure !== null) throw new ServeError(devices.failure);
}

/** Imported when it's asked for: it's nothing that a start without it should wait for. */
async function record(path: string, log: Log): Promise<PcapFile> {
  const { openPcap } = await import("./open_pcap.ts");
  return openPcap(path, (reason) => {
    log.event({ event: "pcap-stopped", fields: { reason }, text: `recording stopped: ${reason}` });
  });
}

/** Opens the devices; false when that was ended by `stopping`, or took as long as it all may. */
async function open(
  devices: ServedDevices,
  stopping: AbortController,
  duration: number,
): Promise<boolean> {
  const isLimited = duration < LONGEST_TIMER_MS;
  const timer = isLimited ? setTimeout(() => stopping.abort(), duration) : null;
  try {
    await devices.open(stopping.signal);
    return true;
  } catch (error) {
    if (stopping.signal.aborted) return false;
    throw error;
  } finally {
    // Deno loads its timers when one is spoken of first: a tenth of a second in an emulated machine.
    if (timer !== null) clearTimeout(timer);
  }
}

/** Calls `act` when it's time. */
function once(at: number, act: () => void): Ticker {
  let deadline = Math.ceil(at);
  return {
    tick: (now) => {
      if (now >= deadline) {
        deadline = Infinity;
        act();
      }
      return deadline;
    },
  };
}

function stopAt(end: number, now: number, loop: PollLoop): number {
  if (now >= end) loop.stop();
  return Math.ceil(end);
}

function logCounters(
  log: Log,
  event: "stopped" | "counters",
  milliseconds: number,
  counters: Counters,
): void {
  const devices = counters.devices.map(({ host, ...rest }) => ({ ...rest, host: { ...host } }));
  log.event({
    event,
    fields: { seconds: milliseconds / 1000, devices, loop: counters.loop },
    text: `${event} after ${(milliseconds / 1000).toFixed(1)} s\n${countersText(counters)}`,
  });
}
