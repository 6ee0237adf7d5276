import { ControlQueue } from "../../drivers/virtio/control_queue.ts";
import { PackedVirtqueue } from "../../drivers/virtio/packed_virtqueue.ts";
import { SplitVirtqueue } from "../../drivers/virtio/split_virtqueue.ts";
import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { DESCRIPTOR_BYTES } from "./descriptor_flags.ts";
import type { IovaRegion } from "./iova_region.ts";
import type { NetbufOracle } from "./netbuf_oracle.ts";
import { type Onlooker, WatchedBuiltins, type WatchedRegion } from "./watched_region.ts";
import { wrapMethods } from "./wrapped_methods.ts";

const USED_ELEMENT_BYTES = 8;
/** Reads of one call, after which nobody believes that it will return. */
const PATIENCE = 1_000_000;

/**
 * What may be read of some bytes in one call from above: `never`, as the driver wrote it itself;
 * `once`; `often`, as it's looked at until it changes; `onceTaken`, the same until the word before it
 * was read, too: the length that goes with an id.
 */
type Rule = "never" | "once" | "often" | "onceTaken";

/** Bytes to which a rule applies; in a ring of descriptors or elements, to those at `at` of each. */
interface Area {
  readonly from: number;
  readonly to: number;
  readonly rule: (offset: number) => Rule;
}

/** What the watch asks of whom it watches for. */
export interface DoubleFetchOptions {
  readonly packed: boolean;
  /** Where each queue lies that the card was given, by number; they stay where they are. */
  readonly queues: ReadonlyMap<number, VirtqueueAddresses>;
  readonly oracle: () => NetbufOracle | null;
  /** Something was read: the card may do what it likes, and says whether it did. */
  readonly onRead: (offset: number, inNetbuf: boolean) => boolean;
}

/** What is asked of a driver, and what that asks of a virtqueue. */
const CALLS = [
  "start",
  "stop",
  "rxBurst",
  "txBurst",
  "txqReclaim",
  "rxqIntrEnable",
  "watchdog",
] as const;
const LOOKS = ["usedCount", "takeUsed", "takeBurst", "publish", "enableInterrupts"] as const;

/** A call of the driver, and the bytes that it has read. */
interface Call {
  readonly name: string;
  readonly seen: Set<number>;
  reads: number;
}

/**
 * Watches a driver for reading twice what the device may change in between. In one look at a virtqueue
 * it may read nothing twice. In one call from above (a burst, a command) it may read a used element, a
 * header, an answer once; what it polls, as often as it likes; and what it wrote itself for the device,
 * never. Nor may anybody on the driver's side touch a netbuf that's lent or free. What breaks that
 * throws, in the middle of it.
 */
export class DoubleFetchWatch implements Onlooker, Disposable {
  /** Reads so far. */
  reads = 0;
  readonly #builtins = new WatchedBuiltins();
  readonly #region: IovaRegion;
  readonly #options: DoubleFetchOptions;
  readonly #undo: readonly (() => void)[];
  /** What is being done; null where it's not the driver at work. */
  #call: Call | null = null;
  /** The look at a virtqueue in the middle of it. */
  #look: Call | null = null;
  #areas: readonly Area[] = [];
  #areasOf = 0;

  constructor(watched: WatchedRegion, region: IovaRegion, options: DoubleFetchOptions) {
    this.#region = region;
    this.#options = options;
    watched.onlooker = this;
    this.#undo = [
      wrapMethods(ControlQueue.prototype, ["command", "query"], this.#duringCall),
      wrapMethods(SplitVirtqueue.prototype, LOOKS, this.#duringLook),
      wrapMethods(PackedVirtqueue.prototype, LOOKS, this.#duringLook),
    ];
  }

  /** Watches the calls of a device. */
  watchCalls(netdev: Netdev): void {
    wrapMethods(netdev, CALLS, this.#duringCall);
  }

  onRead(offset: number, length: number): void {
    this.reads++;
    const inNetbuf = this.#options.oracle()?.touched(offset, "read") ?? false;
    const call = this.#call;
    if (call !== null && ++call.reads > PATIENCE) throw new Error(`${call.name} reads for ever`);
    if (call !== null) this.#checkCall(call, offset, length, inNetbuf);
    else if (!inNetbuf) throw new Error(`the stack reads ${offset}, which is no netbuf's`);
    if (this.#look !== null) readOnce(this.#look, offset, length);
    // What the device has written meanwhile is another thing to read.
    if (this.#options.onRead(offset, inNetbuf)) call?.seen.clear();
  }

  onWrite(offset: number, length: number): void {
    this.#options.oracle()?.touched(offset, "written");
    this.#options.oracle()?.touched(offset + length - 1, "written");
    // Its own value is the driver's to read again.
    for (let at = offset; at < offset + length; at++) this.#call?.seen.delete(at);
  }

  [Symbol.dispose](): void {
    this.#builtins[Symbol.dispose]();
    for (const undo of this.#undo) undo();
  }

  #checkCall(call: Call, offset: number, length: number, inNetbuf: boolean): void {
    const rule = inNetbuf ? "once" : this.#ruleOf(offset);
    if (rule === "never") {
      throw new Error(`${call.name} reads at ${offset} what it wrote for the device`);
    }
    if (rule === "once") readOnce(call, offset, length);
    if (rule === "onceTaken" && call.seen.has(offset - 1)) {
      throw new Error(`double fetch: ${call.name} reads the id at ${offset} behind its length`);
    }
  }

  /** What is in no ring is the control queue's, or a table of indirect descriptors. */
  #ruleOf(offset: number): Rule {
    const { queues, packed } = this.#options;
    if (this.#areasOf !== queues.size) {
      const layOut = packed ? packedAreas : splitAreas;
      this.#areas = [...queues.values()].flatMap((queue) => layOut(queue, this.#region));
      this.#areasOf = queues.size;
    }
    for (const area of this.#areas) {
      if (offset >= area.from && offset < area.to) return area.rule(offset - area.from);
    }
    return "once";
  }

  readonly #duringCall = (name: string, call: () => unknown): unknown => {
    const outer = this.#call;
    this.#call = { name, seen: new Set(), reads: 0 };
    try {
      return call();
    } finally {
      this.#call = outer;
    }
  };

  readonly #duringLook = (name: string, call: () => unknown): unknown => {
    const outer = this.#look;
    this.#look = { name, seen: new Set(), reads: 0 };
    try {
      return call();
    } finally {
      this.#look = outer;
    }
  };
}

function readOnce({ name, seen }: Call, offset: number, length: number): void {
  for (let at = offset; at < offset + length; at++) {
    if (seen.has(at)) throw new Error(`double fetch: ${name} has read the byte at ${at} twice`);
    seen.add(at);
  }
}

function splitAreas(queue: VirtqueueAddresses, region: IovaRegion): Area[] {
  const { size } = queue;
  const elements = 4 + USED_ELEMENT_BYTES * size;
  return [
    area(region, queue.descriptorArea, DESCRIPTOR_BYTES * size, () => "never"),
    area(region, queue.driverArea, 6 + 2 * size, () => "never"),
    area(
      region,
      queue.deviceArea,
      elements + 2,
      (offset) => offset < 4 || offset >= elements ? "often" : "once",
    ),
  ];
}

function packedAreas(queue: VirtqueueAddresses, region: IovaRegion): Area[] {
  const ofDescriptor: readonly Rule[] = ["never", "never", "once", "onceTaken"];
  return [
    area(
      region,
      queue.descriptorArea,
      DESCRIPTOR_BYTES * queue.size,
      (offset) => ofDescriptor[offset % DESCRIPTOR_BYTES >>> 2],
    ),
    area(region, queue.driverArea, 4, () => "never"),
    area(region, queue.deviceArea, 4, () => "often"),
  ];
}

function area(
  region: IovaRegion,
  address: number,
  length: number,
  rule: (offset: number) => Rule,
): Area {
  const from = region.offsetOf(address, length);
  return { from, to: from + length, rule };
}
