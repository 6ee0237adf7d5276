import type { PartnerOptions } from "../tests/device/echo_partner.ts";
import type { Figure } from "./figure.ts";

/** Frames in a burst. */
export const RING_BURST = 32;

/** What a kind of ring came to, in nanoseconds per frame. */
export interface RingRow {
  readonly ring: "split" | "packed";
  /** Whether chains go into tables of indirect descriptors. */
  readonly indirect: boolean;
  /** The driver alone, all layers, and the driver with frames that go back in two pieces. */
  readonly driver: number;
  readonly echo: Figure;
  readonly chain: number;
}

/**
 * Measures each kind of ring in a thread of its own: V8 compiles a call for the kinds of object that it
 * has seen there, and no appliance has more than one kind of ring.
 */
export async function ringRows(): Promise<RingRow[]> {
  const rows: RingRow[] = [];
  for (const ring of ["split", "packed"] as const) {
    for (const indirect of [false, true]) rows.push(await inThread({ ring, indirect }));
  }
  return rows;
}

function inThread(options: PartnerOptions): Promise<RingRow> {
  const worker = new Worker(new URL("ring_worker.ts", import.meta.url).href, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<RingRow>();
  worker.onmessage = ({ data }) => {
    worker.terminate();
    resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(options);
  return promise;
}
