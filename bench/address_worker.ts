/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { runNetdev } from "../app/run_netdev.ts";
import { PollScheduler } from "../netdev/poll_scheduler.ts";
import { formatIpv4, parseIpv4Ranges } from "../stack/mod.ts";
import { EchoPartner } from "../tests/device/echo_partner.ts";
import { probeVirtioNet } from "../tests/device/probe_virtio_net.ts";
import { echoFrame, HOST_MAC, ip, mac, PEER_IP } from "../tests/stack/frames.ts";
import { timeBlocks } from "./echo_blocks.ts";
import type { EchoPath } from "./echo_paths.ts";
import { nullDriver } from "./null_driver.ts";
import { QUIET } from "../tests/stack/quiet_observer.ts";

/*
 * A thread with one appliance that has a number of addresses. It is told these, then again and again
 * to measure a block, and answers with nanoseconds per echo.
 */

/** Which addresses, as `--ip` takes them, and how many frames are in a burst. */
export interface AddressJob {
  readonly ip: string;
  readonly burst: number;
}

/** Nanoseconds per frame: of the device alone, and of the appliance on one. */
export interface AddressBlock {
  readonly device: number;
  readonly echo: number;
}

/** Different requests, which come round and round: as many whatever addresses they are spread over. */
const REQUESTS = 0x10000;
const PAYLOAD = new Uint8Array(18).fill(0x75);

let paths: readonly EchoPath[] = [];
let burst = 0;

self.onmessage = ({ data }: MessageEvent<AddressJob | null>): void => {
  if (data !== null) {
    burst = data.burst;
    paths = pathsTo(data.ip);
    timeBlocks(paths, [burst], 20);
    self.postMessage(null);
    return;
  }
  const [[device], [echo]] = timeBlocks(paths, [burst], 1);
  const block: AddressBlock = { device: device[0], echo: echo[0] };
  self.postMessage(block);
};

/** The device alone, and the appliance with all that is above it. */
function pathsTo(text: string): EchoPath[] {
  const ranges = parseIpv4Ranges(text);
  const requests = requestsTo(ranges.flatMap(({ first, last }) => (
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
  )));
  const bare = new EchoPartner(mac(HOST_MAC), requests);
  const driver = nullDriver(bare);
  const partner = new EchoPartner(mac(HOST_MAC), requests);
  const { netdev } = probeVirtioNet(partner, partner.ring);
  const [{ first: address, prefixLength }] = ranges;
  const scheduler = new PollScheduler();
  const place = { address, prefixLength, ranges, gateway: ip(PEER_IP) };
  runNetdev(netdev, place, scheduler, QUIET);
  return [
    { name: "device", partner: bare, turn: (count) => driver.turn(count) },
    { name: "echo", partner, turn: () => void scheduler.round(0) },
  ];
}

/** Requests from 16 stations; neighbours go to addresses that are far apart. */
function requestsTo(addresses: readonly number[]): Uint8Array[] {
  return Array.from({ length: REQUESTS }, (_, i) => {
    // Odd, so that every address has as many as any other.
    const to = formatIpv4(addresses[i * 40_503 % addresses.length]);
    const from = `10.0.2.${100 + i % 16}`;
    const source = `52:55:0a:00:02:${(100 + i % 16).toString(16)}`;
    return echoFrame({ source, from, to }, { payload: PAYLOAD, sequence: i & 0xffff });
  });
}
