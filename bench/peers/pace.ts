import type { Row } from "./row.ts";

/** How much is measured. */
export interface Pace {
  /** Times that the sides take turns. */
  readonly rounds: number;
  /** Milliseconds before anything counts, in which V8 compiles. */
  readonly warmUp: number;
  /** Milliseconds that count. */
  readonly measure: number;
  /** Tells how far it is. */
  readonly say: (row: Row) => void;
}
