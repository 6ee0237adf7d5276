import type { Clock } from "../../netdev/clock.ts";
import { CB_DATA, type CommandRing } from "./command_ring.ts";
import type { SystemControlBlock } from "./system_control_block.ts";

/** Commands for the command unit (8255x manual §6.4.2), bits 2:0 of a block's command. */
export const ACTION_INDIVIDUAL_ADDRESS = 1;
export const ACTION_CONFIGURE = 2;
export const ACTION_MULTICAST = 3;
export const ACTION_TRANSMIT = 4;

/** Longer than any command, and any frame in front of it, takes. */
const ACTION_TIMEOUT_MS = 100;

/**
 * Has the command unit carry out a command with these bytes as its data, behind what is in the ring,
 * and waits until that is done. False when it isn't in time, or when there's no room in the ring.
 */
export function carryOut<T>(
  ring: CommandRing<T>,
  command: number,
  data: Uint8Array,
  scb: SystemControlBlock,
  clock: Clock,
): boolean {
  if (ring.free === 0) return false;
  ring.region.u8.set(data, ring.next() + CB_DATA);
  ring.stage(command, null);
  ring.publish();
  const deadline = clock.now() + ACTION_TIMEOUT_MS;
  for (ring.scan(); ring.pending > 0; ring.scan()) {
    if (ring.broken || clock.now() > deadline) return false;
    // A register read is answered after what was written before it was carried out.
    scb.status();
  }
  return !ring.broken;
}

/** The data of a multicast setup: no address at all (§6.4.2.4: their bytes, then the addresses). */
export const NO_MULTICASTS: Uint8Array = new Uint8Array(2);
