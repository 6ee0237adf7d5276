import type { Netdev } from "../../netdev/netdev.ts";
import type { HostileCard } from "./hostile_card.ts";
import type { NetbufOracle } from "./netbuf_oracle.ts";

/** Has the card look at what it was lent before each burst, and the oracle at what comes of it. */
export function watchBursts(netdev: Netdev, card: HostileCard, oracle: NetbufOracle): void {
  const rxBurst = netdev.rxBurst.bind(netdev);
  const txBurst = netdev.txBurst.bind(netdev);
  const txqReclaim = netdev.txqReclaim.bind(netdev);
  netdev.rxBurst = (queueId, netbufs, count): number => {
    card.collect();
    const received = rxBurst(queueId, netbufs, count);
    if (received < 0 || received > count) throw new Error(`${received} packets of ${count}`);
    for (let i = 0; i < received; i++) oracle.handedOut(netbufs[i]);
    return received;
  };
  netdev.txBurst = (queueId, netbufs, from, count): number => {
    card.collect();
    return txBurst(queueId, netbufs, from, count);
  };
  netdev.txqReclaim = (queueId): number => {
    card.collect();
    return txqReclaim(queueId);
  };
}
