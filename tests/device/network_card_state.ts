import {
  type ControlAnswer,
  type ControlCommand,
  VIRTIO_NET_ERR,
  VIRTIO_NET_OK,
} from "./control_queue_model.ts";

/** A command that is obeyed, with or without a result. */
const OK: ControlAnswer = { answer: VIRTIO_NET_OK };
const ERR: ControlAnswer = { answer: VIRTIO_NET_ERR };

/** Names of receive modes, by the number of their command (virtio 1.2 §5.1.6.5.1). */
const MODES = ["promisc", "allmulti", "alluni", "nomulti", "nouni", "nobcast"] as const;

/** When a queue interrupts: packets and microseconds. */
type Coalescing = readonly [packets: number, microseconds: number];

/**
 * What a network card was told by commands (virtio 1.2 §5.1.6.5), and which frames it receives by
 * that. Like QEMU's, it passes on everything until it's told not to (hw/net/virtio-net.c).
 */
export class NetworkCardState {
  mac = "";
  readonly modes = new Set<typeof MODES[number]>();
  unicast: readonly string[] = [];
  multicast: readonly string[] = [];
  readonly vlans = new Set<number>();
  readonly coalescing = new Map<"rx" | "tx" | number, Coalescing>();
  /** Announcements that it asks for and that weren't acknowledged. */
  announce = false;
  readonly #ownMac: string;

  constructor(mac: readonly number[]) {
    this.#ownMac = hex(mac);
    this.reset();
  }

  /** Forgets what it was told. */
  reset(): void {
    this.mac = this.#ownMac;
    this.modes.clear();
    this.modes.add("promisc");
    this.unicast = [];
    this.multicast = [];
    this.vlans.clear();
    this.coalescing.clear();
  }

  /** Obeys a command, or not. */
  obey({ name, data }: ControlCommand): ControlAnswer {
    const [commandClass, command] = name.split(".").map(Number);
    switch (name) {
      case "1.0":
        return this.#setTable(data);
      case "1.1":
        if (data.length !== 6) return ERR;
        this.mac = hex(data);
        return OK;
      case "2.0":
      case "2.1":
        if (data.length !== 2 || le(data, 0, 2) > 4095) return ERR;
        if (command === 0) this.vlans.add(le(data, 0, 2));
        else this.vlans.delete(le(data, 0, 2));
        return OK;
      case "3.0":
        if (data.length !== 0 || !this.announce) return ERR;
        this.announce = false;
        return OK;
      case "6.0":
      case "6.1":
        if (data.length !== 8) return ERR;
        this.coalescing.set(command === 0 ? "tx" : "rx", [le(data, 0, 4), le(data, 4, 4)]);
        return OK;
      case "6.2":
        if (data.length !== 12) return ERR;
        this.coalescing.set(le(data, 0, 2), [le(data, 4, 4), le(data, 8, 4)]);
        return OK;
      case "6.3": {
        if (data.length !== 4) return ERR;
        const coalescing = this.coalescing.get(le(data, 0, 2)) ?? [0, 0];
        return { answer: VIRTIO_NET_OK, result: coalescing.flatMap(le32) };
      }
    }
    if (commandClass !== 0 || command >= MODES.length || data.length !== 1) return ERR;
    if (data[0] === 1) this.modes.add(MODES[command]);
    else this.modes.delete(MODES[command]);
    return OK;
  }

  /** Whether it passes a frame on; `filtersVlans` as negotiated. */
  accepts(frame: Uint8Array, filtersVlans: boolean): boolean {
    const { modes } = this;
    if (modes.has("promisc")) return true;
    const tagged = frame[12] === 0x81 && frame[13] === 0;
    if (filtersVlans && tagged && !this.vlans.has((frame[14] & 15) << 8 | frame[15])) return false;
    const to = hex([...frame.subarray(0, 6)]);
    if (to === "ffffffffffff") return !modes.has("nobcast");
    if ((frame[0] & 1) !== 0) {
      return !modes.has("nomulti") && (modes.has("allmulti") || this.multicast.includes(to));
    }
    if (modes.has("nouni")) return false;
    return modes.has("alluni") || to === this.mac || this.unicast.includes(to);
  }

  #setTable(data: readonly number[]): ControlAnswer {
    const tables: string[][] = [];
    let at = 0;
    for (let table = 0; table < 2; table++) {
      const count = le(data, at, 4);
      if (at + 4 + 6 * count > data.length) return ERR;
      const macs = Array.from({ length: count }, (_, i) => {
        return hex(data.slice(at + 4 + 6 * i, at + 10 + 6 * i));
      });
      tables.push(macs);
      at += 4 + 6 * count;
    }
    if (at !== data.length) return ERR;
    [this.unicast, this.multicast] = tables;
    return OK;
  }
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function le(bytes: readonly number[], at: number, width: number): number {
  return bytes.slice(at, at + width).reduceRight((value, byte) => value * 256 + byte, 0);
}

function le32(value: number): number[] {
  return [value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24];
}
