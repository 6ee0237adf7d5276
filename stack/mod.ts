/**
 * The protocol stack of a host: Ethernet, ARP, IPv4 and ICMP echo over netbufs.
 *
 * @module
 */

export { AddressError } from "./address_error.ts";
export type { HostCounters } from "./counters.ts";
export { DROP_REASON_NAMES, DropReason } from "./drop_reason.ts";
export type { FrameOutput } from "./frame_output.ts";
export { Host, type HostConfig } from "./host.ts";
export type { HostObserver } from "./host_observer.ts";
export { formatIpv4, type Ipv4Cidr, parseIpv4, parseIpv4Cidr } from "./ipv4_address.ts";
export { formatIpv4Ranges, type Ipv4Range, parseIpv4Ranges } from "./ipv4_range.ts";
export type { AddressRange } from "./address_range.ts";
export {
  type EinfoSource,
  type Ipv4FromEinfo,
  ipv4FromEinfo,
  type Ipv4Overrides,
} from "./ipv4_from_einfo.ts";
export {
  formatMac,
  formatMacBytes,
  macFromIpv4,
  macHead,
  macTail,
  parseMac,
} from "./mac_address.ts";
export { SendResult } from "./send_result.ts";
export { Verdict } from "./verdict.ts";
export type { DmaRegion } from "../netdev/dma_region.ts";
export type { Netbuf, NetbufOwner } from "../netdev/netbuf.ts";
