import { LowIovaRegion } from "./low_iova_region.ts";

/** The MAC address of a card, unless told otherwise. */
export const E100_MODEL_MAC: readonly number[] = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x01];

/** Commands (8255x manual §6.4.2). */
const INDIVIDUAL_ADDRESS = 1;
const CONFIGURE = 2;
const MULTICAST = 3;
const TRANSMIT = 4;

/** What the blocks tell an 8255x to be and to send, one at a time. It watches what is in them. */
export class CommandBlockModel {
  readonly region: LowIovaRegion;
  readonly configuration = new Uint8Array(22);
  readonly address = Uint8Array.from(E100_MODEL_MAC);
  /** Frames sent, and of these what they were if they are kept. */
  sentCount = 0;
  keepFrames = true;
  readonly sent: number[][] = [];
  readonly #frame = new Uint8Array(2600);

  constructor(memoryBytes: number) {
    this.region = new LowIovaRegion(memoryBytes);
  }

  /** Carries out the command of the block at this offset. */
  protected carryOut(command: number, block: number): void {
    const { u8 } = this.region;
    if (command === INDIVIDUAL_ADDRESS) this.address.set(u8.subarray(block + 8, block + 14));
    else if (command === CONFIGURE) this.configuration.set(u8.subarray(block + 8, block + 30));
    else if (command === TRANSMIT) this.#send(block);
    else if (command !== MULTICAST) throw new Error(`command ${command}`);
  }

  /** Whether a frame that begins there passes the filter. */
  protected isForUs(frame: Uint8Array, from: number): boolean {
    if ((this.configuration[15] & 1) !== 0) return true;
    let own = true;
    let broadcast = true;
    for (let i = 0; i < 6; i++) {
      if (frame[from + i] !== this.address[i]) own = false;
      if (frame[from + i] !== 0xff) broadcast = false;
    }
    return own || broadcast;
  }

  #send(block: number): void {
    const { u8, u16, u32 } = this.region;
    const count = u16[(block + 14) >>> 1] >>> 8;
    let tbd = this.region.offsetOf(u32[(block + 8) >>> 2], 8 * count);
    let length = 0;
    for (let i = 0; i < count; i++, tbd += 8) {
      const size = u16[(tbd + 4) >>> 1];
      if (size === 0) throw new Error("a piece of no bytes");
      const from = this.region.offsetOf(u32[tbd >>> 2], size);
      for (let at = 0; at < size; at++) this.#frame[length++] = u8[from + at];
      const last = (u16[(tbd + 6) >>> 1] & 1) !== 0;
      if (last !== (i === count - 1)) throw new Error("the last piece of a frame isn't marked so");
    }
    if (this.keepFrames) this.sent.push([...this.#frame.subarray(0, length)]);
    this.sentCount++;
  }
}
