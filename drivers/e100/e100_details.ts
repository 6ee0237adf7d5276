import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { E100Card } from "./e100_card.ts";
import { chipName } from "./e100_chip.ts";
import type { E100Rx } from "./rx_queue.ts";
import type { E100Tx } from "./tx_queue.ts";

/** A card for people to read; null for a queue that isn't set up. */
export function e100Details(
  card: E100Card,
  rx: E100Rx | null,
  tx: E100Tx | null,
  txTimeouts: number,
): NetdevDetails {
  const { bus } = card;
  const { eeprom, phy } = card.identity;
  return {
    bus: bus.name,
    facts: [
      ["chip", chipName(bus.revision, bus.ich)],
      ["revision", String(bus.revision)],
      ["EEPROM", `${eeprom.words.length} words, checksum 0x${hex(eeprom.checksum, 4)}`],
      ["PHY", `${phy.address}, id 0x${hex(phy.id, 8)}`],
      ["receiver restarts", String(rx?.notReady ?? 0)],
      ["transmitter resets", String(txTimeouts)],
      ...card.counters.entries.map(([name, value]) => [name, String(value)] as const),
    ],
    rxRings: rx === null ? [] : [rx.size],
    txRings: tx === null ? [] : [tx.ring.size],
    features: { offered: [], negotiated: [] },
    vectors: rx === null
      ? []
      : [{ name: "intx", use: "receive queue 0 (the transmit queue is polled)" }],
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
