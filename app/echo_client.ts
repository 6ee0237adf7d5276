import type { Clock } from "../netdev/clock.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { Ticker } from "../netdev/poll_loop.ts";
import { type Host, SendResult } from "../stack/mod.ts";

/** What to send. */
export interface EchoRequests {
  /** IPv4 address, an int32. */
  readonly destination: number;
  /** 16 bits by which our replies are told from another's. */
  readonly identifier: number;
  /** Requests to send, or Infinity. */
  readonly count: number;
  /** Milliseconds between two. */
  readonly interval: number;
  /** Bytes of payload. */
  readonly payloadLength: number;
  /** Milliseconds to wait for replies after the last request, once there was one. */
  readonly linger: number;
  /** The same, while there was none at all: ARP takes its time to give up. */
  readonly patience: number;
}

/** One reply. */
export interface EchoReply {
  readonly sequence: number;
  readonly payloadLength: number;
  readonly ttl: number;
  /** Milliseconds since its request was sent. */
  readonly time: number;
  /** A reply to this request had come before. */
  readonly duplicate: boolean;
  /** The payload is the one that was sent. */
  readonly intact: boolean;
}

/** Is told what becomes of the requests. */
export interface EchoClientEvents {
  onReply?(reply: EchoReply): void;
  /** A request couldn't be sent. */
  onSendFailure?(sequence: number, result: SendResult): void;
  /** All were sent, and all were answered or waited for. */
  onDone?(): void;
}

/** Sends echo requests in time and matches the replies to them: what is in ping, without words. */
export class EchoClient implements Ticker {
  /** Requests sent, and replies to them, duplicates left out. */
  sent = 0;
  received = 0;

  readonly #host: Host;
  readonly #clock: Clock;
  readonly #requests: EchoRequests;
  readonly #events: EchoClientEvents;
  /** When the request of a sequence number was sent. */
  readonly #sentAt = new Map<number, number>();
  readonly #answered = new Set<number>();
  #next: number;
  #last = 0;
  #done = false;

  /** Starts with the first {@link tick}. */
  constructor(host: Host, clock: Clock, requests: EchoRequests, events: EchoClientEvents) {
    this.#host = host;
    this.#clock = clock;
    this.#requests = requests;
    this.#events = events;
    this.#next = Math.floor(clock.now());
  }

  tick(now: number): number {
    if (this.#done) return Infinity;
    const { count, interval, linger, patience } = this.#requests;
    if (this.sent < count && now >= this.#next) {
      this.#send(now);
      // From the planned time on, unless the next one's is gone too: no burst after a delay.
      this.#next += interval;
      if (this.#next < now) this.#next = now + interval;
      this.#last = now;
    }
    if (this.sent < count) return Math.ceil(this.#next);
    const over = this.#last + (this.received > 0 ? linger : patience);
    if (this.received < count && now < over) return over;
    this.#done = true;
    this.#events.onDone?.();
    return Infinity;
  }

  /** Takes a reply that the host received: the arguments of `HostObserver.echoReply`. */
  echoReply(
    source: number,
    identifier: number,
    sequence: number,
    payloadLength: number,
    ttl: number,
    netbuf: Netbuf,
  ): void {
    const { destination } = this.#requests;
    if (this.#done) return;
    if (source !== destination || identifier !== this.#requests.identifier) return;
    const sentAt = this.#sentAt.get(sequence);
    if (sentAt === undefined) return;
    const duplicate = this.#answered.has(sequence);
    this.#answered.add(sequence);
    if (!duplicate) this.received++;
    this.#events.onReply?.({
      sequence,
      payloadLength,
      ttl,
      time: this.#clock.now() - sentAt,
      duplicate,
      intact: payloadLength === this.#requests.payloadLength && countsUp(netbuf),
    });
  }

  #send(now: number): void {
    this.sent++;
    const sequence = this.sent & 0xffff;
    // The sequence number comes round after 65,536 requests, and a request of before is forgotten.
    this.#answered.delete(sequence);
    this.#sentAt.set(sequence, this.#clock.now());
    const { destination, identifier, payloadLength } = this.#requests;
    const result = this.#host.sendEchoRequest(
      destination,
      identifier,
      sequence,
      payloadLength,
      now,
    );
    if (result !== SendResult.SENT && result !== SendResult.PENDING) {
      this.#events.onSendFailure?.(sequence, result);
    }
  }
}

/** Whether the payload is what `Host.sendEchoRequest` sends: bytes that count up from 0. */
function countsUp(payload: Netbuf): boolean {
  let expected = 0;
  for (let netbuf: Netbuf | null = payload; netbuf !== null; netbuf = netbuf.next) {
    const { u8 } = netbuf.region;
    const end = netbuf.data + netbuf.length;
    for (let i = netbuf.data; i < end; i++, expected++) {
      if (u8[i] !== (expected & 0xff)) return false;
    }
  }
  return true;
}
