import type { DmaRegion } from "../../netdev/dma_region.ts";
import { CUC_DUMP_COUNTERS, CUC_LOAD_DUMP_COUNTERS_ADDRESS } from "./registers.ts";
import type { SystemControlBlock } from "./system_control_block.ts";

/** The counters of the 82557 in the order that they are dumped in (8255x manual §6.3.2.2.3). */
const COUNTERS = [
  "tx good frames",
  "tx maximum collisions",
  "tx late collisions",
  "tx underruns",
  "tx lost carrier sense",
  "tx deferred",
  "tx single collisions",
  "tx multiple collisions",
  "tx total collisions",
  "rx good frames",
  "rx CRC errors",
  "rx alignment errors",
  "rx resource errors",
  "rx overrun errors",
  "rx collision errors",
  "rx short frames",
] as const;

/** What the controller writes behind them when it has dumped them. */
const DUMPED = 0xa005;
const MARKER_OFFSET = 4 * COUNTERS.length;

/** Bytes of the area that is dumped to, on a multiple of 4. */
export const HARDWARE_COUNTERS_BYTES = MARKER_OFFSET + 4;

/**
 * What the controller counts by itself. It writes its counters to memory when it's asked to, some time
 * later; nobody waits for that. They begin again when it's reset.
 */
export class HardwareCounters {
  readonly #region: DmaRegion;
  readonly #offset: number;
  readonly #values = new Uint32Array(COUNTERS.length);

  /** They are dumped to the {@link HARDWARE_COUNTERS_BYTES} at `offset`. */
  constructor(region: DmaRegion, offset: number) {
    this.#region = region;
    this.#offset = offset;
  }

  /** Tells the controller where to; false when it doesn't take commands. */
  place(scb: SystemControlBlock): boolean {
    const address = this.#region.deviceAddress(this.#offset);
    return scb.issueAt(CUC_LOAD_DUMP_COUNTERS_ADDRESS, address);
  }

  /** Asks for a dump; false when the controller doesn't take commands. */
  request(scb: SystemControlBlock): boolean {
    Atomics.store(this.#region.u32, (this.#offset + MARKER_OFFSET) >>> 2, 0);
    return scb.issue(CUC_DUMP_COUNTERS);
  }

  /** Takes what was dumped since {@link request}; false when nothing was yet. */
  collect(): boolean {
    const { u32 } = this.#region;
    if (Atomics.load(u32, (this.#offset + MARKER_OFFSET) >>> 2) !== DUMPED) return false;
    for (let i = 0; i < COUNTERS.length; i++) this.#values[i] = u32[(this.#offset >>> 2) + i];
    return true;
  }

  /** Names and values, as they were dumped last. */
  get entries(): readonly (readonly [name: string, value: number])[] {
    return COUNTERS.map((name, i) => [name, this.#values[i]] as const);
  }
}
