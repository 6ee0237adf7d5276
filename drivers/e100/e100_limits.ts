import type { NetdevDriverInfo, NetdevQueueInfo } from "../../netdev/netdev_types.ts";
import { RFD_BYTES } from "./receive_frame_descriptor.ts";

/** An Ethernet header and a VLAN tag in front of a full packet. */
const ENCAPSULATION_BYTES = 14 + 4;
const ETHERNET_MTU = 1500;

/** What each 8255x is able to do. */
export const E100_INFO: NetdevDriverInfo = {
  encapTx: 0,
  encapRx: RFD_BYTES,
  minRxBufferBytes: ENCAPSULATION_BYTES + ETHERNET_MTU,
  rxqInterrupts: true,
};

/** Descriptors are no scarcer than memory: as many as other cards have, and a handful at least. */
export const E100_RX_INFO: NetdevQueueInfo = {
  minDescriptors: 8,
  maxDescriptors: 256,
  powerOfTwo: false,
};

/** The same for command blocks. */
export const E100_TX_INFO: NetdevQueueInfo = { ...E100_RX_INFO, minDescriptors: 4 };
