import { PciError } from "../../drivers/pci/pci_error.ts";
import { VirtioError } from "../../drivers/virtio/virtio_error.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";

/** How far a card came before it was refused. */
export type CardEnd = "refused on the bus" | "refused by probe" | "refused by start" | "ran";

/** Takes a card up that its bus took, as far as it gets; `interrupt` makes it interrupt while it runs. */
export function takeUp(netdev: Netdev, interrupt: () => void): CardEnd {
  if (!isTaken(() => netdev.probe())) return "refused by probe";
  if (!isTaken(() => start(netdev))) return "refused by start";
  // None of this may throw: it happens in the middle of a loop.
  interrupt();
  netdev.rxBurst(0, [], 8);
  netdev.txqReclaim(0);
  netdev.rxqIntrEnable(0);
  netdev.linkGet();
  netdev.statsGet();
  return "ran";
}

/** Runs a card whose faults come of a seed: an error tells the seed, to repeat it by. */
export function ofSeed(seed: number, run: () => CardEnd): CardEnd {
  try {
    return run();
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new Error(`seed ${seed}: ${message}`, { cause: error });
  }
}

/** Whether it went well; an error that isn't one of a device goes on. */
export function isTaken(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    const known = error instanceof PciError || error instanceof VirtioError ||
      error instanceof NetdevError;
    if (!known) throw error;
    return false;
  }
}

/** Configures it with a queue each way, and starts it. */
function start(netdev: Netdev): void {
  if (netdev.state !== NetdevState.UNCONFIGURED) throw new Error("it's not probed");
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: 16, stride: 2048 });
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
}
