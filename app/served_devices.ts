import type { Ticker } from "../netdev/poll_loop.ts";
import type { DeviceCounters } from "./counters_text.ts";
import type { ServedDevice } from "./served_device.ts";

/** A device that can't be opened or started, among several. */
export class OpenError extends Error {
  override readonly name = "OpenError";
}

/**
 * All devices of an appliance. One that fails for good is closed, and the others go on; when the last
 * one has failed, that's the end.
 */
export class ServedDevices implements Ticker, AsyncDisposable {
  readonly #devices: readonly ServedDevice[];
  readonly #onEnd: () => void;
  readonly #serving: ServedDevice[];
  readonly #abandoned: Promise<void>[] = [];

  /** One at least. `onEnd` is called when none is left. */
  constructor(devices: readonly ServedDevice[], onEnd: () => void) {
    this.#devices = devices;
    this.#serving = [...devices];
    this.#onEnd = onEnd;
  }

  /** Opens one after the other, so that they're numbered in their order; `stopping` ends a wait. */
  async open(stopping: AbortSignal): Promise<void> {
    for (const device of this.#devices) {
      try {
        await device.open(stopping);
      } catch (error) {
        throw this.#named(device, error);
      }
    }
  }

  /** Starts them all. */
  start(): void {
    for (const device of this.#devices) {
      try {
        device.start();
      } catch (error) {
        throw this.#named(device, error);
      }
    }
  }

  /** Whether none serves any more. */
  get gone(): boolean {
    return this.#serving.length === 0;
  }

  /** What has failed, in one line; null when all is well. */
  get failure(): string | null {
    const failed = this.#devices.filter(({ failure }) => failure !== null);
    if (failed.length === 0) return null;
    if (this.#devices.length === 1) return failed[0].failure;
    return failed.map(({ name, failure }) => `${name} has failed: ${failure}`).join("; ");
  }

  /** Of each device that ran. */
  counters(): readonly DeviceCounters[] {
    return this.#devices.map((device) => device.counters()).filter((counters) => counters !== null);
  }

  tick(now: number): number {
    let deadline = Infinity;
    let hasFailed = false;
    // Each millisecond: no iterator, no closure, and no Math.min(), which makes a number on the heap.
    for (let i = 0; i < this.#serving.length; i++) {
      const device = this.#serving[i];
      const next = device.tick(now);
      if (next < deadline) deadline = next;
      if (device.failure !== null) hasFailed = true;
    }
    if (hasFailed) this.#part();
    return deadline;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // All of them are closed, also when one makes trouble.
    const closing = this.#devices.map((device) => device.close());
    for (const end of await Promise.allSettled([...this.#abandoned, ...closing])) {
      if (end.status === "rejected") throw end.reason;
    }
  }

  /** Tells which one it was, where there are several. */
  #named(device: ServedDevice, error: unknown): unknown {
    if (this.#devices.length === 1 || !(error instanceof Error)) return error;
    return new OpenError(`${device.name}: ${error.message}`, { cause: error });
  }

  /** Leaves those that have failed; the last ones are closed in the end, like any. */
  #part(): void {
    const failed = this.#serving.filter(({ failure }) => failure !== null);
    const left = this.#serving.filter(({ failure }) => failure === null);
    this.#serving.splice(0, Infinity, ...left);
    if (left.length === 0) this.#onEnd();
    else for (const device of failed) this.#abandoned.push(device.abandon());
  }
}
