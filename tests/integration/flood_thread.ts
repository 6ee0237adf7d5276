import { assertEquals } from "@std/assert";
import { eventually } from "./appliance.ts";
import type { FloodOrder, FloodTotals } from "./flood_worker.ts";

/** A flood from another thread, until it's stopped or disposed. */
export class FloodThread implements AsyncDisposable {
  /** What was told last. */
  totals: FloodTotals = { replies: 0, resent: 0, wrong: 0, over: false };
  /** Why it has ended, if it has. */
  failure: string | null = null;
  readonly #worker = new Worker(new URL("./flood_worker.ts", import.meta.url), { type: "module" });

  /** Begins to flood. */
  constructor(order: FloodOrder) {
    this.#worker.onmessage = ({ data }: MessageEvent<FloodTotals>) => {
      this.totals = data;
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.failure = event.message;
    };
    this.#worker.postMessage(order);
  }

  /** Waits until requests are being answered. */
  async runs(): Promise<void> {
    await eventually("the flood runs", () => this.failure !== null || this.totals.replies > 0);
    assertEquals(this.failure, null);
  }

  /** Lets what is under way come in, and ends: all that there was. */
  async stop(): Promise<FloodTotals> {
    this.#worker.postMessage("stop");
    await eventually("the flood is over", () => this.failure !== null || this.totals.over);
    assertEquals(this.failure, null);
    return this.totals;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#worker.terminate();
    return Promise.resolve();
  }
}
