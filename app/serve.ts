import { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../netdev/clock.ts";
import { PollLoop } from "../netdev/poll_loop.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import { formatIpv4, formatMac, formatMacBytes, type HostObserver } from "../stack/mod.ts";
import { onCountersSignal } from "./counters_signal.ts";
import { type Counters, countersText } from "./counters_text.ts";
import type { OpenDevice } from "./device.ts";
import { DeviceRecovery } from "./device_recovery.ts";
import { EchoClient } from "./echo_client.ts";
import { Log } from "./log.ts";
import { openDevice } from "./open_device.ts";
import { openPcap } from "./open_pcap.ts";
import { pingHint } from "./ping_hint.ts";
import { runNetdev, type RunningHost } from "./run_netdev.ts";
import type { ServeOptions } from "./serve_options.ts";
import { onStopSignal } from "./stop_signals.ts";

/** How long the gateway has to answer our one ping, ARP included. */
const GATEWAY_PATIENCE_MS = 3000;

/** A device or a QEMU that failed while it served. */
export class ServeError extends Error {
  override readonly name = "ServeError";
}

/**
 * Is a host on the network until a signal or the end of the duration. `ServeError` when the device
 * fails meanwhile; the errors of drivers when it can't be opened.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const clock = monotonicClock;
  using capture = options.pcap === null ? null : openPcap(options.pcap, (reason) => {
    log.event({
      event: "pcap-stopped",
      fields: { reason },
      text: `recording stopped: ${reason}`,
    });
  });
  using waiter = new FdWaiter(clock);
  const scheduler = new PollScheduler();
  const loop = new PollLoop({ clock, waiter, scheduler, busyPoll: options.busyPoll });
  let failure: string | null = null;
  const fail = (reason: string): void => {
    failure ??= reason;
    loop.stop();
  };
  let recovery: DeviceRecovery | null = null;
  let announce = (): void => {};
  const device = await openDevice(
    options.device,
    {
      ...options,
      recorder: capture?.recorder ?? null,
      onLink: (up) => {
        log.event({ event: "link", fields: { up }, text: `link ${upDown(up)}` });
        // Who is there now may know us under another MAC address, or not at all.
        if (up) announce();
      },
      onGone: fail,
      onFailure: (reason) => recovery === null ? fail(reason) : recovery.fail(reason),
    },
    waiter,
    clock,
  );
  await using _closing = { [Symbol.asyncDispose]: () => device.close() };
  using _signals = onStopSignal(() => loop.stop());

  const echoReplies: EchoClient[] = [];
  const { address, prefixLength } = options.ip;
  const place = { address, prefixLength, gateway: options.gateway };
  const running = runNetdev(device.netdev, place, scheduler, observe(log, echoReplies));
  const { host, networkInterface } = running;
  recovery = new DeviceRecovery(device.netdev, networkInterface, {
    onReset: (reason) => logReset(log, device, reason),
    onGiveUp: fail,
  });
  loop.addTicker(recovery);
  logDevice(log, device);
  logReady(log, device, options);
  const started = clock.now();
  const counters = (): Counters => ({
    netdev: device.netdev.statsGet(),
    interface: {
      resets: recovery?.resets ?? 0,
      drops: { ...networkInterface.drops },
      rxPolls: [],
    },
    host: host.counters(),
    loop: {
      rounds: scheduler.rounds,
      polls: scheduler.polls,
      sleeps: loop.sleeps,
      squeezes: loop.squeezes,
    },
  });
  using _telling = onCountersSignal(() =>
    logCounters(log, "counters", clock.now() - started, counters())
  );
  announce = () => host.announce(Math.floor(clock.now()));
  announce();
  if (options.gateway !== null) {
    const client = pingGateway(log, running, options.gateway);
    echoReplies.push(client);
    loop.addTicker(client);
  }
  loop.addTicker(networkInterface);
  loop.addTicker({ tick: (now) => device.netdev.watchdog(now) });
  loop.addTicker({ tick: (now) => stopAt(started + options.duration, now, loop) });
  // The last, so that nothing waits to be written while the loop sleeps.
  if (capture !== null) loop.addTicker(capture.recorder);

  await loop.run();

  if (failure !== null) throw new ServeError(failure);
  logCounters(log, "stopped", clock.now() - started, counters());
}

function stopAt(end: number, now: number, loop: PollLoop): number {
  if (now >= end) loop.stop();
  return Math.ceil(end);
}

/** One echo request to the gateway: the first thing to see is a packet that went there and back. */
function pingGateway(log: Log, { host }: RunningHost, gateway: number): EchoClient {
  const address = formatIpv4(gateway);
  const client: EchoClient = new EchoClient(host, monotonicClock, {
    destination: gateway,
    identifier: Deno.pid & 0xffff,
    count: 1,
    interval: 0,
    payloadLength: 56,
    linger: 0,
    patience: GATEWAY_PATIENCE_MS,
  }, {
    onReply: ({ time }) =>
      log.event({
        event: "gateway",
        fields: { address, answered: true, milliseconds: time },
        text: `gateway ${address} answered our ping in ${time.toFixed(2)} ms`,
      }),
    onDone: () => {
      if (client.received > 0) return;
      log.event({
        event: "gateway",
        fields: { address, answered: false },
        text: `gateway ${address} did not answer our ping within ${GATEWAY_PATIENCE_MS / 1000} s`,
      });
    },
  });
  return client;
}

function observe(log: Log, clients: readonly EchoClient[]): HostObserver {
  return {
    firstArp(address, head, tail): void {
      const [peer, mac] = [formatIpv4(address), formatMac(head, tail)];
      log.event({
        event: "first-arp",
        fields: { peer, mac },
        text: `first ARP from ${peer} at ${mac}`,
      });
    },
    firstEchoRequest(address): void {
      const peer = formatIpv4(address);
      log.event({ event: "first-ping", fields: { peer }, text: `first ping from ${peer}` });
    },
    echoReply(...reply): void {
      for (const client of clients) client.echoReply(...reply);
    },
    resolutionFailed(address): void {
      const peer = formatIpv4(address);
      log.event({ event: "no-arp-answer", fields: { peer }, text: `${peer} does not answer ARP` });
    },
    addressConflict(head, tail): void {
      const mac = formatMac(head, tail);
      log.event({
        event: "address-conflict",
        fields: { mac },
        text: `another station uses our address: ${mac}`,
      });
    },
  };
}

function logDevice(log: Log, { netdev, location, pid }: OpenDevice): void {
  const { name, driverName: driver } = netdev;
  const mac = formatMacBytes(netdev.hwaddrGet());
  const features = netdev.detailsGet()?.features.negotiated ?? [];
  const mtu = netdev.mtuGet();
  const link = netdev.linkGet();
  const rx = netdev.rxqInfoGet(0).maxDescriptors;
  const tx = netdev.txqInfoGet(0).maxDescriptors;
  log.event({
    event: "device",
    fields: { device: name, driver, location, pid, mac, mtu, link, rx, tx, features },
    text: [
      `${name} is ${driver} at ${location}${pid === null ? "" : ` of QEMU (process ${pid})`}`,
      `MAC ${mac}, MTU ${mtu}, link ${upDown(link)}, 1 RX queue of ${rx}, 1 TX queue of ${tx}`,
      ...(features.length === 0 ? [] : [`features ${features.join(" ")}`]),
    ].join("\n"),
  });
}

function logReady(log: Log, { netdev }: OpenDevice, options: ServeOptions): void {
  const { name, driverName } = netdev;
  const ip = `${formatIpv4(options.ip.address)}/${options.ip.prefixLength}`;
  const command = pingHint(options);
  const hint = command === null ? "" : `; in a second terminal: ${command}`;
  log.event({
    event: "ready",
    fields: {
      device: name,
      driver: driverName,
      mac: formatMacBytes(netdev.hwaddrGet()),
      ip,
      hub: options.device.kind === "qemu" ? options.hub : null,
    },
    text: `ready: ${ip} answers ARP and ping${hint}`,
  });
}

function logReset(log: Log, { netdev: { name } }: OpenDevice, reason: string): void {
  const fields = { device: name, reason };
  log.event({ event: "reset", fields, text: `${name} was reset: ${reason}` });
}

function logCounters(
  log: Log,
  event: "stopped" | "counters",
  milliseconds: number,
  counters: Counters,
): void {
  const { host, ...rest } = counters;
  log.event({
    event,
    fields: { seconds: milliseconds / 1000, ...rest, host: { ...host } },
    text: `${event} after ${(milliseconds / 1000).toFixed(1)} s\n${countersText(counters)}`,
  });
}

function upDown(up: boolean): string {
  return up ? "up" : "down";
}
