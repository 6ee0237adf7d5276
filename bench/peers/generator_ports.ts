import {
  type VhostUserBackEnd,
  VIRTIO_NET_F_MRG_RXBUF,
} from "../../tests/device/vhost_user/back_end.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { GuestMemory } from "../../tests/device/vhost_user/guest_memory.ts";
import { arpAnswer, arpRequest, macOfReply } from "./generator_arp.ts";
import { GeneratorPort, type OtherFrameHandler, type PortTraffic } from "./generator_port.ts";
import { EchoReplies } from "./generator_replies.ts";
import { EchoRequests, FRAME_MIN_BYTES } from "./generator_requests.ts";

/** Milliseconds between two ARP requests. */
const ARP_RETRY_MS = 100;

/** Frames looked at before the clock and the socket are. */
const TAKE_MAX = 64;

/** Who we are, and whom we ask first: int32 addresses. */
export interface OwnAddresses {
  readonly ownMac: Uint8Array;
  readonly ownIp: number;
  readonly peerIp: number;
}

/** A port on each pair of queues, all of which run, with traffic of its own. ARP is answered. */
export function makePorts(
  backEnd: VhostUserBackEnd,
  queuePairs: number,
  { ownMac, ownIp }: OwnAddresses,
  traffic: (memory: GuestMemory) => PortTraffic,
  onOther: OtherFrameHandler = () => {},
): GeneratorPort[] {
  return Array.from({ length: queuePairs }, (_, pair) => {
    const rxVring = backEnd.vrings[2 * pair];
    const txVring = backEnd.vrings[2 * pair + 1];
    const { memory } = backEnd;
    if (memory === null || rxVring.ring === null || txVring.ring === null) {
      throw new BackEndError(`queue pair ${pair} is not up`);
    }
    const pairOf = { vrings: [rxVring, txVring], rings: [rxVring.ring, txVring.ring] } as const;
    const mergeable = backEnd.has(VIRTIO_NET_F_MRG_RXBUF);
    return new GeneratorPort(memory, pairOf, mergeable, traffic(memory), (port, frame) => {
      const answer = arpAnswer(frame, ownMac, ownIp);
      if (answer !== null) port.sendFrame(answer);
      else onOther(port, frame);
    });
  });
}

/** Asks for the MAC address of the one who is asked first. {@link BackEndError} without an answer. */
export function learnMac(
  backEnd: VhostUserBackEnd,
  own: OwnAddresses,
  timeoutMs: number,
): Uint8Array {
  const found: Uint8Array[] = [];
  const [port] = makePorts(backEnd, 1, own, (memory) => noTraffic(memory, own), (_port, frame) => {
    const mac = macOfReply(frame, own.peerIp);
    if (mac !== null) found.push(mac);
  });
  const deadline = performance.now() + timeoutMs;
  for (let asked = -Infinity; found.length === 0;) {
    const now = performance.now();
    if (now > deadline) throw new BackEndError("the front-end doesn't answer ARP");
    if (now - asked > ARP_RETRY_MS) {
      port.sendFrame(arpRequest(own.ownMac, own.ownIp, own.peerIp));
      asked = now;
    }
    port.take(TAKE_MAX);
    if (!backEnd.serve() || !port.runs) {
      throw new BackEndError("the front-end went away before it answered ARP");
    }
  }
  return found[0];
}

/** For a port on which nothing but ARP is sent. */
function noTraffic(memory: GuestMemory, own: OwnAddresses): PortTraffic {
  const stations = { ...own, peerMac: new Uint8Array(6), addresses: 1 };
  const requests = new EchoRequests(memory, stations, FRAME_MIN_BYTES);
  return { requests, replies: new EchoReplies(requests, 1, 1), latencies: null };
}
