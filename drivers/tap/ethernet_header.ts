/** Destination, source and EtherType (IEEE 802.3 §3.1.1): no frame is shorter. */
export const ETHERNET_HEADER_BYTES = 14;
