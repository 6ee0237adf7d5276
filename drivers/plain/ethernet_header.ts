/** Destination, source and EtherType (IEEE 802.3 §3.1.1): no frame is shorter. */
export const ETHERNET_HEADER_BYTES = 14;

/** A VLAN tag (IEEE 802.1Q) may stand in front of a full packet. */
export const VLAN_TAG_BYTES = 4;
