import { assert } from "@std/assert";
import { HOST_IP, HOST_MAC, icmpMessage, ipv4Frame, padded } from "../stack/frames.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import type { FramePort } from "./frame_port.ts";

/** Requests on the way at any time, at most, unless told otherwise. */
const OUTSTANDING = 256;
/** Different requests for each place in that window, used in turn. */
const VARIANTS = 4;
const PAYLOAD_BYTES = 56;

const FLOOD_MAC = "02:75:0a:00:02:63";
/** The first of those that ask, and those behind it. */
const FLOOD_NETWORK = "10.0.2.";
const FLOOD_IP_END = 99;

/** Offsets in a frame: EtherType, protocol, last byte of the destination, ICMP type, identifier. */
const ETHERTYPE = 12;
const PROTOCOL = 23;
const DESTINATION_END = 33;
const ICMP_TYPE = 34;
const IDENTIFIER = 38;

const SILENCE_MS = 10_000;

/** A host to flood. */
export interface FloodTarget {
  readonly mac: string;
  readonly ip: string;
}

/** How to flood. */
export interface FloodOptions {
  /** Default: the appliance of most tests. */
  readonly target?: FloodTarget;
  /**
   * After so many milliseconds of silence all requests on the way are sent again, if QEMU has taken
   * what was sent before: for a side that may lose some. A reply that comes late or twice is
   * compared as well, and not counted.
   */
  readonly resendAfter?: number;
  /**
   * Requests on the way at any time; default 256. QEMU's hub writes to a peer and waits (net/stream.c,
   * seen in 7.2): it stops for good when both sides fill their sockets, at some 270 frames each.
   */
  readonly outstanding?: number;
  /** Bytes of payload in each of the requests that are used in turn; default 56. */
  readonly payloadBytes?: (request: number) => number;
  /** Addresses to ask from, in turn, 1 to 100: a card with several queues tells them apart. Default 1. */
  readonly askers?: number;
}

/** What a flood came to. */
export interface FloodResult {
  readonly replies: number;
  /** Requests that were sent again. */
  readonly resent: number;
  /** Replies that differ from what they must be in any byte. */
  readonly wrong: number;
  readonly milliseconds: number;
}

/**
 * Echo requests in a closed loop over a port of its network: a new one goes out when a reply has come
 * in. Each request is known beforehand with its reply, so that every byte of every reply is compared.
 */
export class EchoFlood {
  readonly #port: FramePort;
  readonly #requests: Uint8Array<ArrayBuffer>[];
  readonly #replies: Uint8Array[];
  readonly #outstanding: number;
  readonly #variant: Uint8Array;
  readonly #resendAfter: number | null;
  readonly #askers: number;

  /** Begins with one request, to hear that it is answered. */
  constructor(port: FramePort, options: FloodOptions = {}) {
    const { resendAfter, outstanding = OUTSTANDING, askers = 1 } = options;
    const { payloadBytes = () => PAYLOAD_BYTES } = options;
    const { target = { mac: HOST_MAC, ip: HOST_IP } } = options;
    this.#port = port;
    this.#outstanding = outstanding;
    this.#variant = new Uint8Array(outstanding);
    this.#resendAfter = resendAfter ?? null;
    this.#askers = askers;
    const random = new SeededRandom(4711);
    const all = Array.from({ length: outstanding * VARIANTS }, (_, i) => {
      const identifier = i % outstanding;
      const sequence = Math.floor(i / outstanding);
      const payload = Uint8Array.from({ length: payloadBytes(i) }, () => random.below(256));
      const from = `${FLOOD_NETWORK}${FLOOD_IP_END + identifier % askers}`;
      return { identifier, sequence, payload, from };
    });
    this.#requests = all.map((fields) => requestFrame(target, fields));
    this.#replies = all.map((fields) => replyFrame(target, fields));
    port.send(this.#requests[0]);
    this.#awaitFirst();
  }

  /** Sends `total` requests and takes in their replies, which must not fall silent. */
  run(total: number): FloodResult {
    const started = performance.now();
    let sent = 0;
    let replies = 0;
    let wrong = 0;
    let resent = 0;
    const waiting = new Uint8Array(this.#outstanding);
    const send = (slot: number): void => {
      waiting[slot] = 1;
      this.#send(slot);
      sent++;
    };
    while (sent < Math.min(this.#outstanding, total)) send(sent);
    let heard = performance.now();
    while (replies < total) {
      const frame = this.#port.next(this.#resendAfter ?? SILENCE_MS);
      if (frame === null) {
        const over = this.#resendAfter === null || performance.now() - heard > SILENCE_MS;
        assert(!over && !this.#port.closed, `silence after ${replies} replies to ${sent} requests`);
        const mayResend = !this.#port.sendPending();
        waiting.forEach((waits, slot) => {
          if (waits === 0 || !mayResend) return;
          this.#send(slot);
          resent++;
        });
        continue;
      }
      if (!this.#isEchoReply(frame)) continue;
      const slot = frame[IDENTIFIER] << 8 | frame[IDENTIFIER + 1];
      const right = slot < this.#outstanding && this.#isRight(slot, frame);
      if (this.#resendAfter !== null) {
        if (right ? waiting[slot] === 0 : this.#isRightOfBefore(slot, frame)) continue;
        heard = performance.now();
      }
      if (!right) wrong++;
      replies++;
      waiting[slot] = 0;
      if (sent < total) {
        this.#variant[slot] = (this.#variant[slot] + 1) % VARIANTS;
        send(slot);
      }
    }
    return { replies, resent, wrong, milliseconds: performance.now() - started };
  }

  /** Sends so many requests, and cares for no reply. */
  abandon(count: number): void {
    for (let slot = 0; slot < count; slot++) this.#send(slot);
  }

  /** Floods until the other side has gone; how many replies there were. */
  runUntilGone(): number {
    let replies = 0;
    try {
      for (;;) replies += this.run(this.#outstanding).replies;
    } catch {
      return replies;
    }
  }

  #awaitFirst(): void {
    for (;;) {
      const frame = this.#port.next(SILENCE_MS);
      assert(frame !== null, "no answer to the first request");
      if (this.#isEchoReply(frame)) return;
    }
  }

  /** A hub shows everything to everyone: the gateway's reply to the appliance is none of ours. */
  #isEchoReply(frame: Uint8Array): boolean {
    const isIpv4 = frame[ETHERTYPE] === 0x08 && frame[ETHERTYPE + 1] === 0x00;
    const asker = frame[DESTINATION_END] - FLOOD_IP_END;
    const isForUs = asker >= 0 && asker < this.#askers;
    return isIpv4 && isForUs && frame[PROTOCOL] === 1 && frame[ICMP_TYPE] === 0;
  }

  #send(slot: number): void {
    this.#port.send(this.#requests[this.#variant[slot] * this.#outstanding + slot]);
  }

  #isRight(slot: number, frame: Uint8Array): boolean {
    const expected = this.#replies[this.#variant[slot] * this.#outstanding + slot];
    return equal(frame, expected);
  }

  /** Whether it's the reply to another request of the slot, and is right as that. */
  #isRightOfBefore(slot: number, frame: Uint8Array): boolean {
    return slot < this.#outstanding &&
      this.#replies.some((reply, i) => i % this.#outstanding === slot && equal(frame, reply));
  }
}

function equal(frame: Uint8Array, expected: Uint8Array): boolean {
  return frame.length === expected.length && expected.every((byte, i) => frame[i] === byte);
}

interface EchoFields {
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** Who asks. */
  readonly from: string;
}

function requestFrame({ mac, ip }: FloodTarget, fields: EchoFields): Uint8Array<ArrayBuffer> {
  const addresses = { source: FLOOD_MAC, destination: mac, from: fields.from, to: ip };
  return Uint8Array.from(ipv4Frame(addresses, icmpMessage(fields)));
}

/**
 * As the appliance has to send it: TTL 64, identification 0, not to be fragmented (RFC 6864), and as
 * long as Ethernet wants.
 */
function replyFrame({ mac, ip }: FloodTarget, fields: EchoFields): Uint8Array {
  const addresses = { source: mac, destination: FLOOD_MAC, from: ip, to: fields.from };
  const header = { id: 0, fragment: 0x4000, ttl: 64 };
  return padded(ipv4Frame({ ...addresses, ...header }, icmpMessage({ ...fields, type: 0 })));
}
