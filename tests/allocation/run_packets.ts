import { runNetdev } from "../../app/run_netdev.ts";
import { E100Netdev } from "../../drivers/e100/e100_netdev.ts";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { socketPair, type UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { StreamNetdev } from "../../drivers/stream/stream_netdev.ts";
import { TapInterface } from "../../drivers/tap/tap_interface.ts";
import { TapNetdev } from "../../drivers/tap/tap_netdev.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { parseIpv4Ranges } from "../../stack/ipv4_range.ts";
import { E100Model } from "../device/e100_model.ts";
import { EchoPartner, type PartnerOptions } from "../device/echo_partner.ts";
import { FrameImages } from "../device/frame_images.ts";
import { probeVirtioNet } from "../device/probe_virtio_net.ts";
import { NetworkNamespace } from "../linux/network_namespace.ts";
import { packetSocket } from "../linux/packet_socket.ts";
import { Loopback } from "../netdev/loopback.ts";
import { configureOnePair } from "../netdev/one_pair.ts";
import { HOST_IP, HOST_MAC, ip, mac, PEER_IP, PEER_MAC } from "../stack/frames.ts";
import { VhostUserPartner } from "./vhost_user_partner.ts";
import { ANSWERED, mixedTraffic } from "./traffic.ts";
import { QUIET } from "../stack/quiet_observer.ts";

/*
 * `run_packets.ts virtio[-packed][-indirect]|ranges|vhost-user[-packed]|e100|stream|tap|loopback [plant]`, with V8's --trace-gc and --expose-gc: a million packets
 * between two collections that it asks for. V8 itself writes both of these and any other into the
 * same stream, in order; a line of the program's own would not keep its place among V8's.
 * `plant` makes one object per packet.
 */

declare const gc: (options: { readonly type: "minor" }) => void;

/** The host of frames.ts is one of many, and not the first. */
const RANGES = `10.9.0.0-10.9.255.255/8,${HOST_IP}/24`;

const WARM_UP_PACKETS = 400_000;
const PACKETS = 1_000_000;

/** Sends the mixed traffic once, and takes all answers. */
type Turn = () => void;

const frames = mixedTraffic();
const [device, planted] = Deno.args;
const plants = planted === "plant";
const scheduler = new PollScheduler();
/** Where planted objects go, so that V8 can't do without them. */
let kept: object = {};

const TURNS: Readonly<Record<string, () => Turn | Promise<Turn>>> = {
  virtio: () => virtioTurn({}),
  "virtio-packed": () => virtioTurn({ ring: "packed" }),
  "virtio-indirect": () => virtioTurn({ indirect: true }),
  "virtio-packed-indirect": () => virtioTurn({ ring: "packed", indirect: true }),
  ranges: () => virtioTurn({}, RANGES),
  "vhost-user": () => vhostUserTurn("split"),
  "vhost-user-packed": () => vhostUserTurn("packed"),
  e100: e100Turn,
  stream: streamTurn,
  tap: tapTurn,
  loopback: loopbackTurn,
};
const turn = await TURNS[device]();
run(WARM_UP_PACKETS);
gc({ type: "minor" });
run(PACKETS);
gc({ type: "minor" });
if (plants && !("packet" in kept)) throw new Error("nothing was planted");
Deno.exit(0);

function run(packets: number): void {
  for (let packet = 0; packet < packets; packet += frames.length) {
    turn();
    if (!plants) continue;
    for (let i = 0; i < frames.length; i++) kept = { packet };
  }
}

/** The host of frames.ts on a device, told the time once a turn; whole milliseconds, 1 in 16. */
function pollOnce(netdev: Netdev, addresses = `${HOST_IP}/24`, ringSize = 0): Turn {
  const ranges = parseIpv4Ranges(addresses);
  const [{ first: address, prefixLength }] = ranges;
  const place = { address, prefixLength, ranges, gateway: ip(PEER_IP) };
  const { networkInterface } = runNetdev(netdev, place, scheduler, QUIET, 1, ringSize);
  let turns = 0;
  return () => {
    const now = ++turns >>> 4;
    scheduler.round(now);
    networkInterface.tick(now);
  };
}

function virtioTurn(options: PartnerOptions, addresses?: string): Turn {
  const partner = new EchoPartner(mac(HOST_MAC), frames, options);
  const poll = pollOnce(probeVirtioNet(partner, partner.ring).netdev, addresses);
  return () => {
    const { taken } = partner;
    partner.offer(frames.length);
    poll();
    partner.take();
    if (partner.taken - taken !== ANSWERED) throw new Error("not what should be was answered");
  };
}

function vhostUserTurn(ring: RingFormat): Turn {
  const partner = new VhostUserPartner(mac(HOST_MAC), ring, new FrameImages(frames));
  const { netdev } = partner;
  const poll = pollOnce(netdev, undefined, 256);
  partner.connect();
  return () => {
    partner.offer(frames.length);
    poll();
    if (partner.take() !== ANSWERED) throw new Error("not what should be was answered");
    // As a loop does before it sleeps.
    if (netdev.rxqIntrEnable(0) !== 0) throw new Error("more than what was sent waits");
    netdev.rxqIntrDisable(0);
  };
}

function e100Turn(): Turn {
  const model = new E100Model([...mac(HOST_MAC)], 8 << 20);
  model.keepFrames = false;
  const ops = new E100Netdev(model, monotonicClock);
  const netdev = new NetdevRegistry().drvRegister(ops.device);
  netdev.probe();
  const poll = pollOnce(netdev);
  model.keepCommands = false;
  netdev.promiscuousSet(true);
  return () => {
    const sent = model.sentCount;
    for (let i = 0; i < frames.length; i++) {
      if (!model.receive(frames[i])) throw new Error("the driver has posted too few buffers");
    }
    poll();
    if (model.sentCount - sent !== ANSWERED) throw new Error("not what should be was answered");
    // As a loop does before it sleeps.
    if (netdev.rxqIntrEnable(0) !== 0) throw new Error("more than what was sent waits");
    netdev.rxqIntrDisable(0);
  };
}

function streamTurn(): Turn {
  const [near, far] = socketPair();
  const waiter = new FdWaiter(monotonicClock);
  const ops = new StreamNetdev({ socket: near, waiter, mac: mac(HOST_MAC) });
  const netdev = new NetdevRegistry().drvRegister(ops.device);
  const poll = pollOnce(netdev);
  const requests = framed();
  // One array for both ways: a socket looks up the address of a buffer when it's another one.
  const bytes = new Uint8Array(requests.length + (1 << 16));
  bytes.set(requests);
  return () => {
    const sent = far.sendSome(bytes, 0, requests.length);
    if (sent !== requests.length) throw new Error(`the socket took ${sent} bytes`);
    let answered = 0;
    for (let tries = 0; answered < ANSWERED && tries < 8; tries++) {
      poll();
      answered += receiveFrames(far, bytes, requests.length);
    }
    if (answered !== ANSWERED) throw new Error("not what should be was answered");
  };
}

/** Linux's side is a packet socket, in a network of its own. */
async function tapTurn(): Promise<Turn> {
  const namespace = new NetworkNamespace();
  const tap = namespace.run(() => new TapInterface("tap0", 1500));
  await tap.carrierNoticed();
  const far = namespace.run(() => packetSocket("tap0"));
  const waiter = new FdWaiter(monotonicClock);
  const ops = new TapNetdev({ tap, waiter, mac: mac(HOST_MAC) });
  const netdev = new NetdevRegistry().drvRegister(ops.device);
  const poll = pollOnce(netdev);
  // One array for both ways, as above.
  const requests = Uint8Array.from(frames.flatMap((frame) => [...frame]));
  const bytes = new Uint8Array(requests.length + (1 << 16));
  bytes.set(requests);
  return () => {
    for (let i = 0, at = 0; i < frames.length; at += frames[i++].length) {
      const sent = far.sendSome(bytes, at, frames[i].length);
      if (sent !== frames[i].length) throw new Error(`the interface took ${sent} bytes`);
    }
    // Bursts get twice as long as long as there's more: 1, 2, 4, 8, 16 and the last one.
    for (let polls = 0; polls < 6; polls++) poll();
    let answered = 0;
    while (far.receiveAt(bytes, requests.length, 1 << 16) > 0) answered++;
    if (answered !== ANSWERED) throw new Error(`${answered} were answered, not ${ANSWERED}`);
    // As a loop does before it sleeps.
    if (netdev.rxqIntrEnable(0) !== 0) throw new Error("more than what was sent waits");
    netdev.rxqIntrDisable(0);
  };
}

/** The other end of the cable has no host: it sends from a pool of its own, and frees what it gets. */
function loopbackTurn(): Turn {
  const registry = new NetdevRegistry();
  const near = new Loopback(mac(HOST_MAC));
  const far = registry.drvRegister(new Loopback(mac(PEER_MAC), near).device);
  const poll = pollOnce(registry.drvRegister(near.device));
  const pool = configureOnePair(far, 4 * frames.length);
  far.start();
  const requests: Netbuf[] = [];
  const answers: Netbuf[] = [];
  return () => {
    for (let i = 0; i < frames.length; i++) requests[i] = fill(pool, frames[i]);
    far.txBurst(0, requests, 0, frames.length);
    poll();
    const answered = far.rxBurst(0, answers, 4 * frames.length);
    for (let i = 0; i < answered; i++) answers[i].free();
    if (answered !== ANSWERED) throw new Error(`${answered} were answered, not ${ANSWERED}`);
  };
}

function fill(pool: NetbufPool, frame: Uint8Array): Netbuf {
  const netbuf = pool.alloc();
  if (netbuf === null) throw new Error("the pool is dry");
  netbuf.region.u8.set(frame, netbuf.data);
  netbuf.length = frame.length;
  return netbuf;
}

/** All frames in QEMU's stream framing: each behind its length, 32 bits big-endian. */
function framed(): Uint8Array<ArrayBuffer> {
  const bytes = frames.flatMap((
    frame,
  ) => [0, 0, frame.length >>> 8, frame.length & 0xff, ...frame]);
  return Uint8Array.from(bytes);
}

/** Receives what is there, whole frames, to `start` of `into`, and counts them. */
function receiveFrames(socket: UnixSocket, into: Uint8Array<ArrayBuffer>, start: number): number {
  const received = socket.receiveAt(into, start, into.length - start);
  let count = 0;
  for (let at = start; at < start + received; count++) at += 4 + (into[at + 2] << 8 | into[at + 3]);
  return count;
}
