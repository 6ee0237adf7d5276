import { NetdevError } from "./netdev_error.ts";

/** A reason for dropping frames, as a layer declared it. A type, not an interface, as it's JSON too. */
export type DropReasonInfo = {
  /** What counters call it, lower case with underscores: `rx_too_long`. */
  readonly name: string;
  /** Who drops for it. The reasons that any driver may have are netdev's own. */
  readonly layer: string;
  /** One phrase that says what kind of frame it is. */
  readonly meaning: string;
  /**
   * Something was wrong with the frame, or went wrong with it. Otherwise it was as good as any, but
   * there was no room for it, or nobody to take it.
   */
  readonly isError: boolean;
};

/** All reasons of the process. A name stands for one reason, wherever it is counted. */
const REASONS = new Map<string, DropReasonInfo>();

/**
 * Declares why a layer drops frames: a meaning for each name, and which of them are errors. It does
 * so where it drops, as the module is loaded, and each name once, so that a counter of any layer is
 * told apart and explained by its name alone. (Linux has subsystems for this in its skb drop reasons.)
 *
 * `NetdevError("EBUSY")` for a name that is taken, `NetdevError("EINVAL")` for one that is none.
 */
export function declareDropReasons<Name extends string>(
  layer: string,
  meanings: Readonly<Record<Name, string>>,
  errors: readonly NoInfer<Name>[] = [],
): void {
  const declared = Object.entries<string>(meanings);
  for (const [name] of declared) {
    const taken = REASONS.get(name);
    if (taken !== undefined) {
      throw new NetdevError(
        "EBUSY",
        `drop reason "${name}" of ${layer}: ${taken.layer} has one of that name`,
      );
    }
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      throw new NetdevError(
        "EINVAL",
        `drop reason "${name}" of ${layer}: lower-case letters, digits and _ make a name`,
      );
    }
  }
  for (const [name, meaning] of declared) {
    const isError = errors.some((error) => error === name);
    REASONS.set(name, { name, layer, meaning, isError });
  }
}

/** All reasons of all layers that are loaded, in the order in which they were declared. */
export function dropReasons(): DropReasonInfo[] {
  return [...REASONS.values()];
}

/** The reason of this name. `NetdevError("EINVAL")` when no layer has declared it. */
export function dropReason(name: string): DropReasonInfo {
  const reason = REASONS.get(name);
  if (reason !== undefined) return reason;
  throw new NetdevError("EINVAL", `drop reason "${name}" is not declared by any layer`);
}

/**
 * A counter for each of these reasons, at 0. To count is to add 1 to a field, `drops.rx_too_long++`:
 * exact up to 2^53, and nothing is looked up or allocated. `NetdevError("EINVAL")` for a name that
 * is not declared.
 */
export function dropCounters<Name extends string>(
  ...names: readonly Name[]
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [dropReason(name).name, 0])) as Record<
    Name,
    number
  >;
}

declareDropReasons("netdev", {
  rx_too_short: "received without a whole Ethernet header",
  rx_too_long: "received, but longer than a buffer",
  rx_no_buffer: "arrived when there was no buffer to receive it into",
  backlog_full: "received when the backlog of the interface was full",
  tx_too_short: "to be sent without a whole Ethernet header",
  tx_too_long: "to be sent, but longer than the MTU allows",
  tx_too_many_pieces: "to be sent in more pieces than the driver can gather",
  tx_foreign: "to be sent from memory that is another device's",
  tx_link_down: "to be sent while the link is down",
  tx_ring_full: "to be sent, but the transmit queue had no room for it",
  tx_suspended: "to be sent while the device is being reset",
}, [
  "rx_too_short",
  "rx_too_long",
  "tx_too_short",
  "tx_too_long",
  "tx_too_many_pieces",
  "tx_foreign",
]);
