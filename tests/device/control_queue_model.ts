import type { IovaRegion } from "./iova_region.ts";
import type { AvailableBuffer, BufferPiece, RingDevice } from "./ring_device.ts";

/** Answers (virtio 1.2 §5.1.6.5). */
export const VIRTIO_NET_OK = 0;
export const VIRTIO_NET_ERR = 1;

/** A command as the driver gave it. */
export interface ControlCommand {
  /** Class and command: `1.1`. */
  readonly name: string;
  readonly data: readonly number[];
}

/** What a device does with a command whose name it knows; undefined for {@link VIRTIO_NET_ERR}. */
export type ControlAnswer = {
  readonly answer: number;
  /** What it writes behind the answer. */
  readonly result?: readonly number[];
};

/** How a control queue may differ from a good one. */
export interface ControlScript {
  /**
   * Answers instead of the device; null for it to do so itself, "nothing" for a buffer that is given
   * back without an answer, "silence" for one that isn't.
   */
  answer?: (command: ControlCommand) => number | "nothing" | "silence" | null;
  /** Gives the buffer back instead of the device. */
  use?: (ring: RingDevice, head: number) => void;
}

/**
 * The device's side of a control queue (virtio 1.2 §5.1.6.5): reads commands, has the card obey them,
 * and answers. It throws when the driver breaks a rule.
 */
export class ControlQueueModel {
  /** All commands, in order: their names and data in hexadecimal, `1.1 525400abcdef`. */
  readonly commands: string[] = [];
  script: ControlScript = {};
  readonly #region: IovaRegion;
  readonly #obey: (command: ControlCommand) => ControlAnswer;

  constructor(region: IovaRegion, obey: (command: ControlCommand) => ControlAnswer) {
    this.#region = region;
    this.#obey = obey;
  }

  /** The driver has notified the queue: all that is available is done, and the next one asked for. */
  kicked(ring: RingDevice): void {
    for (let next = ring.take(); next !== null; next = ring.take()) this.#serve(ring, next);
    ring.wantKicks(true);
  }

  #serve(ring: RingDevice, { head, pieces }: AvailableBuffer): void {
    const readable = pieces.filter(({ deviceWrites }) => !deviceWrites);
    const writable = pieces.filter(({ deviceWrites }) => deviceWrites);
    if (readable[0]?.length !== 2) throw new Error("a header is 2 bytes (legacy interface)");
    if (writable[0]?.length !== 1) {
      throw new Error("the answer is 1 byte in a descriptor of its own");
    }
    const [commandClass, number, ...data] = readable.flatMap((piece) => this.#bytes(piece));
    const command: ControlCommand = { name: `${commandClass}.${number}`, data };
    const hex = data.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.commands.push(hex === "" ? command.name : `${command.name} ${hex}`);
    const scripted = this.script.answer?.(command) ?? null;
    if (scripted === "silence") return;
    if (scripted === "nothing") return void ring.use(head, 0);
    const { answer, result = [] } = scripted === null ? this.#obey(command) : { answer: scripted };
    this.#region.u8[writable[0].offset] = answer;
    if (result.length > (writable[1]?.length ?? 0)) throw new Error("no room for the result");
    if (result.length > 0) this.#region.u8.set(result, writable[1].offset);
    if (this.script.use === undefined) ring.use(head, 1 + result.length);
    else this.script.use(ring, head);
  }

  #bytes({ offset, length }: BufferPiece): number[] {
    return [...this.#region.u8.subarray(offset, offset + length)];
  }
}
