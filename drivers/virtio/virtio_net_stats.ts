import type { NetdevStats } from "../../netdev/netdev_types.ts";
import type { VirtioNetRx } from "./virtio_net_rx.ts";
import type { VirtioNetTx } from "./virtio_net_tx.ts";

/** A snapshot of a card's counters; null for a queue that is not set up. */
export function virtioNetStats(
  rx: VirtioNetRx | null,
  tx: VirtioNetTx | null,
  configInterrupts: number,
): NetdevStats {
  return {
    rxPackets: rx?.packets ?? 0,
    rxBytes: rx?.bytes ?? 0,
    txPackets: tx?.packets ?? 0,
    txBytes: tx?.bytes ?? 0,
    interrupts: (rx?.interrupts ?? 0) + configInterrupts,
    kicks: (rx?.kicks ?? 0) + (tx?.kicks ?? 0),
    kicksSuppressed: (rx?.kicksSuppressed ?? 0) + (tx?.kicksSuppressed ?? 0),
    rxUnderruns: rx?.underruns ?? 0,
    drops: {
      rx_bad_length: rx?.badLength ?? 0,
      rx_bad_buffer_count: rx?.badBufferCount ?? 0,
      tx_bad_length: tx?.badLength ?? 0,
      tx_bad_headroom: tx?.badHeadroom ?? 0,
    },
  };
}
