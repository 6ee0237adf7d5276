import { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../netdev/clock.ts";
import { NetdevRegistry } from "../netdev/netdev_registry.ts";
import { PollLoop } from "../netdev/poll_loop.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import { formatIpv4, type HostObserver, macFromIpv4, SendResult } from "../stack/mod.ts";
import { EchoClient, type EchoReply } from "./echo_client.ts";
import { openDevice } from "./open_device.ts";
import { openHub } from "./open_hub.ts";
import { openOrStop } from "./open_or_stop.ts";
import { openPcap } from "./open_pcap.ts";
import type { PingOptions } from "./ping_options.ts";
import { RoundTripTimes } from "./round_trip_times.ts";
import { runNetdev } from "./run_netdev.ts";
import { onStopSignal } from "./stop_signals.ts";

/** Bytes of the ICMP echo header, and of that and the IPv4 header. */
const ICMP_HEADER_BYTES = 8;
const HEADER_BYTES = 28;

/** How long to wait for replies after the last request; longer when nothing was heard at all. */
const LINGER_MS = 2000;
const PATIENCE_MS = 4000;

/** Not to sleep between two packets makes the times the network's own. */
const BUSY_POLL_MS = 0.05;

const SEND_FAILURES: Readonly<Record<number, string>> = {
  [SendResult.NO_ROUTE]: "Destination Net Unreachable",
  [SendResult.NO_BUFFER]: "No buffer space available",
  [SendResult.TOO_BIG]: "Message too long",
};

/** QEMU's user network, with no way out: what a QEMU of our own is on. */
const USER_NETDEV = "user,restrict=on";

/**
 * Joins the network of a running appliance over its hub, or opens a device of its own; sends echo
 * requests, and prints as ping(8) does. Whether anything answered: nothing, if it's stopped while it
 * waits for somebody to connect to that device.
 */
export async function ping(options: PingOptions): Promise<boolean> {
  const clock = monotonicClock;
  using capture = options.pcap === null ? null : openPcap(options.pcap, (reason) => {
    complain(`recording stopped: ${reason}`);
  });
  using waiter = new FdWaiter(clock);
  const scheduler = new PollScheduler();
  const loop = new PollLoop({ clock, waiter, scheduler, busyPoll: BUSY_POLL_MS });
  const { address, prefixLength } = options.ip;
  let gone: string | null = null;
  const fail = (reason: string): void => {
    gone ??= reason;
    loop.stop();
  };
  const config = {
    mac: macFromIpv4(address),
    mtu: options.mtu,
    queues: 1,
    ring: options.ring,
    ringSize: options.ringSize,
    netdev: USER_NETDEV,
    hub: options.hub,
    monitor: null,
    registry: new NetdevRegistry({ recorder: capture?.recorder ?? null }),
    onGone: fail,
    onFailure: fail,
    onLink: (): void => {},
    onAnnounce: (): void => {},
    onWaiting: (where: string) => complain(`waits for a back-end at ${where}`),
    onUnplug: () => fail("its network card was taken out"),
    onPlug: (): void => {},
    onUnusable: complain,
  };
  const uri = options.device;
  const device = await openOrStop((stopping) =>
    uri === null
      ? openHub(options.hub, config, waiter)
      : openDevice(uri, { ...config, stopping }, waiter, clock)
  );
  if (device === null) return false;
  await using _closing = { [Symbol.asyncDispose]: () => device.close() };
  using _signals = onStopSignal(() => loop.stop());

  const destination = formatIpv4(options.destination);
  const own = formatIpv4(address);
  const times = new RoundTripTimes();
  const observer: HostObserver = {
    firstArp(): void {},
    firstEchoRequest(): void {},
    echoReply: (...reply) => client.echoReply(...reply),
    resolutionFailed: () =>
      console.log(`From ${own} icmp_seq=${client.sent} Destination Host Unreachable`),
    addressConflict: () => console.log(`another station uses our address ${own}: give --ip`),
  };
  const place = { address, prefixLength, gateway: null };
  const { host, networkInterface } = runNetdev(
    device.netdev,
    place,
    scheduler,
    observer,
    config.queues,
    options.ringSize,
  );
  const client: EchoClient = new EchoClient(host, clock, {
    destination: options.destination,
    identifier: Deno.pid & 0xffff,
    count: options.count,
    interval: options.interval,
    payloadLength: options.payloadLength,
    linger: LINGER_MS,
    patience: PATIENCE_MS,
  }, {
    onReply: (reply) => {
      if (!reply.duplicate) times.add(reply.time);
      console.log(replyLine(reply, destination));
    },
    onSendFailure: (sequence, result) =>
      console.log(`From ${own} icmp_seq=${sequence} ${SEND_FAILURES[result]}`),
    onDone: () => loop.stop(),
  });
  loop.addTicker(client);
  loop.addTicker(networkInterface);
  // The last, so that nothing waits to be written while the loop sleeps.
  if (capture !== null) loop.addTicker(capture.recorder);

  const { payloadLength } = options;
  console.log(
    `PING ${destination} (${destination}) ${payloadLength}(${
      payloadLength + HEADER_BYTES
    }) bytes of data.`,
  );
  const started = clock.now();
  await loop.run();

  if (gone !== null) {
    const what = options.device === null ? "the appliance has gone: " : "";
    complain(`${what}${gone}`);
  }
  console.log(summary(client, times, destination, clock.now() - started));
  return client.received > 0;
}

/** What isn't of ping(8). */
function complain(line: string): void {
  console.error(`ukdeno: ${line}`);
}

function replyLine(reply: EchoReply, source: string): string {
  const { sequence, payloadLength, ttl, time, duplicate, intact } = reply;
  const bytes = payloadLength + ICMP_HEADER_BYTES;
  const line = `${bytes} bytes from ${source}: icmp_seq=${sequence} ttl=${ttl} time=${
    time.toFixed(3)
  } ms`;
  return `${line}${duplicate ? " (DUP!)" : ""}${intact ? "" : " (wrong data!)"}`;
}

function summary(
  client: EchoClient,
  times: RoundTripTimes,
  destination: string,
  milliseconds: number,
): string {
  const { sent, received } = client;
  const loss = sent === 0 ? 0 : Math.round(100 * (sent - received) / sent);
  const lines = [
    "",
    `--- ${destination} ping statistics ---`,
    `${sent} packets transmitted, ${received} received, ${loss}% packet loss, time ${
      Math.round(milliseconds)
    }ms`,
  ];
  const rtt = times.summary();
  if (rtt !== null) lines.push(rtt);
  return lines.join("\n");
}
