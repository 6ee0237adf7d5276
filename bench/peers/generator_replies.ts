import * as generatorRequests from "./generator_requests.ts";

// A constant of the module, which V8 compiles in; an import it fetches and checks at each use.
const { fold, swap16, VARIANTS } = generatorRequests;

/** Numbers of 16-bit elements behind the frame's start. */
const ETHERTYPE16 = 6;
const IP16 = 7;
const IP_LENGTH16 = 8;
const IP_FRAGMENT16 = 10;
const IP_TTL_PROTOCOL16 = 11;
const IP_SOURCE16 = 13;
const IP_DESTINATION16 = 15;
const ICMP16 = 17;
const ICMP_CHECKSUM16 = 18;
const IDENTIFIER16 = 19;
const SEQUENCE16 = 20;
const PAYLOAD16 = 21;
const HEADERS_BYTES = 42;

/** In the byte order of memory: EtherType 0x0800, "don't fragment"; version 4, 5 words of header. */
const IPV4 = 0x0008;
const DONT_FRAGMENT = 0x0040;
const VERSION_IHL = 0x45;
const PROTOCOL_ICMP = 1;

/** In the place of a request that isn't on its way. */
const NONE = -1;

/** What a frame turned out to be. */
export const REPLY = 0;
export const WRONG = 1;
export const OTHER = 2;

/**
 * Which requests are on their way, and whether what comes back is the reply to one of them: a reply
 * that nobody waits for is wrong. Of one in `checkEvery` all fields, both checksums and the payload
 * are compared, too.
 */
export class EchoReplies {
  replies = 0;
  wrong = 0;
  checked = 0;
  /** Requests that were given up, or whose place was needed again. */
  lost = 0;
  /** What was the matter with the first wrong one. */
  firstWrong = "";
  /** The place of the request that was sent, or the reply that was taken last. */
  slot = 0;
  readonly #requests: generatorRequests.EchoRequests;
  /** By number modulo its length: the number on its way. */
  readonly #waiting: Int32Array = new Int32Array(0);
  readonly #slotMask: number = 0;
  readonly #checkMask: number = 0;

  /** `slots` and `checkEvery`: powers of two. */
  constructor(requests: generatorRequests.EchoRequests, slots: number, checkEvery: number) {
    this.#requests = requests;
    this.#waiting = new Int32Array(slots).fill(NONE);
    this.#slotMask = slots - 1;
    this.#checkMask = checkEvery - 1;
  }

  /** Request `n`, 0 to 2^31 - 1, is on its way. */
  sent(n: number): void {
    const slot = n & this.#slotMask;
    if (this.#waiting[slot] !== NONE) this.lost++;
    this.#waiting[slot] = n;
    this.slot = slot;
  }

  /** Gives up all that are on their way. */
  giveUp(): void {
    for (let slot = 0; slot < this.#waiting.length; slot++) {
      if (this.#waiting[slot] !== NONE) this.lost++;
      this.#waiting[slot] = NONE;
    }
  }

  /**
   * Looks at a frame of `length` bytes that begins at element `frame`: {@link REPLY}, {@link WRONG},
   * or {@link OTHER} for what is no ICMP message over IPv4.
   */
  take(u16: Uint16Array, frame: number, length: number): number {
    if (length !== this.#requests.size || u16[frame + ETHERTYPE16] !== IPV4) {
      return this.#takeOther(u16, frame, length);
    }
    const n = u16[frame + IDENTIFIER16] << 16 | u16[frame + SEQUENCE16];
    const slot = n & this.#slotMask;
    if (n < 0 || this.#waiting[slot] !== n || u16[frame + ICMP16] !== 0) {
      return this.#isWrong("nobody waits for it");
    }
    this.#waiting[slot] = NONE;
    this.slot = slot;
    this.replies++;
    // Other ones each time that the payloads come round.
    return (n + (n >>> 8) & this.#checkMask) === 0 ? this.#check(u16, frame, n) : REPLY;
  }

  #takeOther(u16: Uint16Array, frame: number, length: number): number {
    const isIcmp = length >= HEADERS_BYTES && u16[frame + ETHERTYPE16] === IPV4 &&
      u16[frame + IP_TTL_PROTOCOL16] >>> 8 === PROTOCOL_ICMP;
    return isIcmp ? this.#isWrong("length") : OTHER;
  }

  #isWrong(what: string): number {
    if (this.wrong++ === 0) this.firstWrong = what;
    return WRONG;
  }

  #check(u16: Uint16Array, frame: number, n: number): number {
    this.checked++;
    const requests = this.#requests;
    const variant = n & (VARIANTS - 1);
    const sent = requests.frames16;
    const at = variant * requests.stride16;
    for (let i = 0; i < 3; i++) {
      if (u16[frame + i] !== sent[at + 3 + i]) return this.#isWrong("destination MAC");
      if (u16[frame + 3 + i] !== sent[at + i]) return this.#isWrong("source MAC");
    }
    let sum = 0;
    for (let i = IP16; i < ICMP16; i++) sum += u16[frame + i];
    if (fold(sum) !== 0xffff) return this.#isWrong("IP checksum");
    if ((u16[frame + IP16] & 0xff) !== VERSION_IHL) return this.#isWrong("IP version");
    if (u16[frame + IP_LENGTH16] !== sent[at + IP_LENGTH16]) return this.#isWrong("IP length");
    if ((u16[frame + IP_FRAGMENT16] & ~DONT_FRAGMENT) !== 0) return this.#isWrong("fragment");
    const ttlProtocol = u16[frame + IP_TTL_PROTOCOL16];
    if (ttlProtocol >>> 8 !== PROTOCOL_ICMP) return this.#isWrong("protocol");
    if ((ttlProtocol & 0xff) === 0) return this.#isWrong("TTL");
    const asked = requests.destination(n);
    const isFromAsked = u16[frame + IP_SOURCE16] === swap16(asked >>> 16) &&
      u16[frame + IP_SOURCE16 + 1] === swap16(asked & 0xffff);
    if (!isFromAsked) return this.#isWrong("source address");
    const isToUs = u16[frame + IP_DESTINATION16] === sent[at + IP_SOURCE16] &&
      u16[frame + IP_DESTINATION16 + 1] === sent[at + IP_SOURCE16 + 1];
    if (!isToUs) return this.#isWrong("destination address");
    // The payload is compared below, so that its sum is known here.
    const message = requests.payloadSums[variant] + (n >>> 16) + (n & 0xffff) +
      u16[frame + ICMP_CHECKSUM16];
    if (fold(message) !== 0xffff) return this.#isWrong("ICMP checksum");
    const whole = requests.size >>> 1;
    for (let i = PAYLOAD16; i < whole; i++) {
      if (u16[frame + i] !== sent[at + i]) return this.#isWrong("payload");
    }
    const isOdd = (requests.size & 1) !== 0;
    if (isOdd && (u16[frame + whole] & 0xff) !== sent[at + whole]) return this.#isWrong("payload");
    return REPLY;
  }
}
