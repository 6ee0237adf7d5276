import { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../netdev/clock.ts";
import { dropReasons } from "../netdev/drop_reasons.ts";
import { EINFO_TYPES, type NetdevEinfo } from "../netdev/einfo.ts";
import { IFF_BROADCAST, IFF_MULTICAST } from "../netdev/net_device.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NetdevRegistry } from "../netdev/netdev_registry.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import { formatMacBytes, type HostObserver } from "../stack/mod.ts";
import type { InfoOptions } from "./info_options.ts";
import { type DeviceInfo, infoText } from "./info_text.ts";
import { Log } from "./log.ts";
import { openDevice } from "./open_device.ts";
import { openOrStop } from "./open_or_stop.ts";
import { runNetdev } from "./run_netdev.ts";
import { ServeError } from "./serve.ts";
// For the reasons that they declare: all are told, whichever device is opened.
import "../drivers/e100/rx_queue.ts";
import "../drivers/stream/rx_queue.ts";
import "../drivers/tap/tx_queue.ts";
import "../drivers/virtio/virtio_net_rx.ts";

/** A host that is never told to announce itself, and never polled, has nothing to say. */
const SILENT: HostObserver = {
  firstArp(): void {},
  firstEchoRequest(): void {},
  echoReply(): void {},
  resolutionFailed(): void {},
  addressConflict(): void {},
};

/**
 * Starts a device as `serve` does, tells everything about it, and closes it. No frame is sent.
 * Nothing is told when it's stopped while it waits for somebody to connect to that device.
 * `ServeError` when the device fails meanwhile; the errors of drivers when it can't be opened.
 */
export async function info({ device: options, log }: InfoOptions): Promise<void> {
  const clock = monotonicClock;
  using waiter = new FdWaiter(clock);
  let failure: string | null = null;
  const fail = (reason: string): void => {
    failure ??= reason;
  };
  let onUnusable = complain;
  const config = {
    ...options,
    // Not the hub of an appliance that may be running here.
    hub: options.hub === null ? null : `ukdeno-info-${Deno.pid}`,
    registry: new NetdevRegistry({ einfo: [options.einfo] }),
    onLink: (): void => {},
    onAnnounce: (): void => {},
    onWaiting: (where: string) => complain(`waits for a back-end at ${where}`),
    onUnplug: () => fail("the network card was taken out"),
    onPlug: (): void => {},
    onUnusable: (reason: string) => onUnusable(reason),
    onGone: fail,
    onFailure: fail,
  };
  const device = await openOrStop((stopping) =>
    openDevice(options.device, { ...config, stopping }, waiter, clock)
  );
  if (device === null) return;
  // There was another one to wait for until now.
  onUnusable = fail;
  await using _closing = { [Symbol.asyncDispose]: () => device.close() };
  const { address, prefixLength } = options.ip;
  const place = { address, prefixLength, gateway: null };
  const { queues, ringSize } = options;
  runNetdev(device.netdev, place, new PollScheduler(), SILENT, queues, ringSize);
  const facts = describe(device.netdev, device.location, queues);
  if (failure !== null) throw new ServeError(failure);
  new Log(log).event({ event: "info", fields: { ...facts }, text: infoText(facts) });
}

/** What isn't the text that was asked for. */
function complain(line: string): void {
  console.error(`ukdeno: ${line}`);
}

/** All that there is to tell of a running device; `location` where its driver tells none. */
function describe(netdev: Netdev, location: string, queues: number): DeviceInfo {
  const limits = netdev.infoGet();
  const details = netdev.detailsGet();
  return {
    device: netdev.name,
    driver: netdev.driverName,
    bus: details?.bus ?? location,
    facts: details?.facts ?? [],
    mac: formatMacBytes(netdev.hwaddrGet()),
    type: limits.type,
    flags: flagNames(limits.flags),
    broadcast: formatMacBytes(limits.broadcast),
    hardHeaderLength: limits.hardHeaderLength,
    txQueueLength: limits.txQueueLength,
    mtu: netdev.mtuGet(),
    minMtu: limits.minMtu,
    maxMtu: limits.maxMtu,
    link: netdev.linkGet(),
    promiscuous: netdev.promiscuousGet(),
    queues: {
      rx: { now: queues, most: limits.maxRxQueues },
      tx: { now: queues, most: limits.maxTxQueues },
    },
    rings: {
      rx: (details?.rxRings ?? []).map((now, queue) => (
        { now, most: netdev.rxqInfoGet(queue).maxDescriptors }
      )),
      tx: (details?.txRings ?? []).map((now, queue) => (
        { now, most: netdev.txqInfoGet(queue).maxDescriptors }
      )),
    },
    vectors: (details?.vectors ?? []).map((vector) => ({ ...vector })),
    features: details?.features ?? { offered: [], negotiated: [] },
    einfo: einfoOf(netdev),
    counters: netdev.statsGet(),
    dropReasons: dropReasons(),
  };
}

/** Flags of a device by the names that ip(8) prints. */
function flagNames(flags: number): string[] {
  const names: readonly (readonly [flag: number, name: string])[] = [
    [IFF_BROADCAST, "BROADCAST"],
    [IFF_MULTICAST, "MULTICAST"],
  ];
  return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

/** What the device was given, as it tells it. */
function einfoOf(netdev: Netdev): NetdevEinfo {
  return Object.fromEntries(
    EINFO_TYPES.map((type) => [type, netdev.einfoGet(type)]).filter(([, text]) => text !== null),
  );
}
