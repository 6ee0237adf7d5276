import { ARPHRD_ETHER, IFF_BROADCAST, IFF_MULTICAST } from "../../netdev/net_device.ts";
import type { NetdevInfo } from "../../netdev/netdev_types.ts";

/** What a driver leaves as `allocEtherdev` filled it in, as `infoGet` tells it. */
export const ETHERNET_INFO: EthernetInfo = {
  type: ARPHRD_ETHER,
  hardHeaderLength: 14,
  broadcast: new Uint8Array(6).fill(0xff),
  flags: IFF_BROADCAST | IFF_MULTICAST,
  txQueueLength: 1000,
  minMtu: 68,
};

type EthernetInfo = Pick<
  NetdevInfo,
  "type" | "hardHeaderLength" | "broadcast" | "flags" | "txQueueLength" | "minMtu"
>;
