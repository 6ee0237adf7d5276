import type { Row } from "../peers/row.ts";
import type { GuestMachine } from "./guest_command_line.ts";
import type { Guest } from "./guests.ts";

/** What is measured, on what, and how often. */
export interface VmPace {
  readonly guests: readonly [ours: Guest, peer: Guest];
  readonly machine: GuestMachine;
  /** Times that the guests take turns, each booted anew. */
  readonly rounds: number;
  /** Tells how far it is. */
  readonly say: (row: Row) => void;
}
