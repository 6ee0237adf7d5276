import { dropCounters } from "../../netdev/drop_reasons.ts";
import { type NetdevStats, netdevStats } from "../../netdev/netdev_stats.ts";

/** What a device with a queue each way has counted. */
export function counted(): NetdevStats {
  return netdevStats({
    rxQueues: [{
      packets: 3,
      bytes: 180,
      interrupts: 2,
      kicks: 1,
      kicksSuppressed: 5,
      ring: { size: 128, used: 120 },
      drops: { ...dropCounters("rx_too_short", "rx_too_long"), rx_too_long: 4 },
    }],
    txQueues: [{ packets: 0, bytes: 0, drops: dropCounters("tx_link_down") }],
    configInterrupts: 1,
  });
}
