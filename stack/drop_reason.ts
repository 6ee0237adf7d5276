import { declareDropReasons } from "../netdev/drop_reasons.ts";

/**
 * Why the stack dropped a packet: small numbers, which index its counters. A reason's name in counters
 * is its key in lower case; `dropReason()` of netdev has what it means.
 */
export const DropReason = {
  NETBUF_CHAINED: 0,
  NETBUF_TOO_SMALL: 1,

  ETHERNET_TRUNCATED: 2,
  ETHERNET_MULTICAST: 3,
  ETHERNET_OTHER_HOST: 4,
  ETHERNET_GROUP_SOURCE: 5,
  ETHERNET_OWN_SOURCE: 6,
  ETHERNET_UNKNOWN_TYPE: 7,

  ARP_TRUNCATED: 8,
  ARP_UNSUPPORTED: 9,
  ARP_UNKNOWN_OPERATION: 10,
  ARP_BAD_SENDER_HARDWARE: 11,
  ARP_BAD_SENDER_PROTOCOL: 12,
  ARP_CONFLICT: 13,
  ARP_OTHER_TARGET: 14,
  ARP_UNSOLICITED_REPLY: 15,
  ARP_LOCKED: 16,
  ARP_PENDING_REPLACED: 17,
  ARP_RESOLUTION_FAILED: 18,
  ARP_TOO_MANY_PENDING: 19,

  IPV4_TRUNCATED: 20,
  IPV4_BAD_VERSION: 21,
  IPV4_BAD_HEADER_LENGTH: 22,
  IPV4_BAD_TOTAL_LENGTH: 23,
  IPV4_BAD_CHECKSUM: 24,
  IPV4_BROADCAST: 25,
  IPV4_MULTICAST: 26,
  IPV4_OTHER_DESTINATION: 27,
  IPV4_UNICAST_IN_BROADCAST: 28,
  IPV4_MARTIAN_SOURCE: 29,
  IPV4_OWN_SOURCE: 30,
  IPV4_BAD_OPTION: 31,
  IPV4_SOURCE_ROUTE: 32,
  IPV4_FRAGMENT: 33,
  IPV4_UNKNOWN_PROTOCOL: 34,

  ICMP_TRUNCATED: 35,
  ICMP_BAD_CHECKSUM: 36,
  ICMP_ERROR_MESSAGE: 37,
  ICMP_UNKNOWN_TYPE: 38,
  ICMP_UNSOLICITED_ECHO_REPLY: 39,
  ICMP_REPLY_EXCEEDS_MTU: 40,

  OUTPUT_NO_NETBUF: 41,

  NETBUF_HEADERS_SPLIT: 42,
} as const;

/** One of the values of {@link DropReason}. */
export type DropReason = typeof DropReason[keyof typeof DropReason];

/** What kind of packet is dropped for each: one that doesn't say so doesn't compile. */
const MEANINGS: Readonly<Record<Lowercase<keyof typeof DropReason>, string>> = {
  netbuf_chained: "in more than one netbuf, of a protocol whose packets fit into one",
  netbuf_too_small: "in a buffer that ends too close behind the frame's start to answer in place",

  ethernet_truncated: "shorter than an Ethernet header",
  ethernet_multicast: "to a multicast address: no group is joined",
  ethernet_other_host: "to another station; promiscuous networks deliver such frames",
  ethernet_group_source: "from a group address, which no station can have",
  ethernet_own_source: "from our own address: a loop in the network, or a forgery",
  ethernet_unknown_type: "neither ARP nor IPv4, or an IEEE 802.3 length",

  arp_truncated: "shorter than an ARP packet for Ethernet and IPv4",
  arp_unsupported: "not Ethernet and IPv4, or their address lengths are wrong",
  arp_unknown_operation: "neither request nor reply",
  arp_bad_sender_hardware:
    "with a sender hardware address that is a group address, all zero, or our own",
  arp_bad_sender_protocol: "with a sender protocol address that can be no host's",
  arp_conflict: "from another station that says that our address is its own",
  arp_other_target: "a request for somebody else's address",
  arp_unsolicited_reply: "a reply from a host that the cache holds no entry for",
  arp_locked:
    "a reply that would move a host to another hardware address too soon after its last move",
  arp_pending_replaced:
    "a packet of ours that gave up its place in waiting for an ARP reply to a newer one",
  arp_resolution_failed: "a packet of ours whose next hop did not answer ARP",
  arp_too_many_pending: "a packet of ours that found too many ARP resolutions under way",

  ipv4_truncated: "shorter than an IPv4 header, or than the header says it is",
  ipv4_bad_version: "of a version that is not 4",
  ipv4_bad_header_length: "with a header length below 5 words",
  ipv4_bad_total_length: "with a total length below the header length",
  ipv4_bad_checksum: "with a wrong header checksum",
  ipv4_broadcast: "to the limited broadcast address or the subnet's",
  ipv4_multicast: "to a multicast address",
  ipv4_other_destination: "to another host",
  ipv4_unicast_in_broadcast: "to our address, in a link-layer broadcast",
  ipv4_martian_source: "from an address that can be no host's on a network",
  ipv4_own_source: "from our own address",
  ipv4_bad_option: "with an option that does not fit its own or the header's length",
  ipv4_source_route: "with a loose or strict source route",
  ipv4_fragment: "a fragment; nothing reassembles them",
  ipv4_unknown_protocol: "of a protocol other than ICMP",

  icmp_truncated: "shorter than an ICMP header",
  icmp_bad_checksum: "with a wrong checksum over the message",
  icmp_error_message:
    "an error message, a source quench or a redirect: nothing that we sent needs to know",
  icmp_unknown_type: "of a type that is not served",
  icmp_unsolicited_echo_reply: "an echo reply with an identifier that we never sent",
  icmp_reply_exceeds_mtu: "an echo request so large that its reply exceeds our MTU",

  output_no_netbuf: "a packet of ours that found the pool of netbufs dry",

  netbuf_headers_split: "in more than one netbuf, and its headers are not all in the first",
};

declareDropReasons("stack", MEANINGS, [
  "ethernet_truncated",
  "ethernet_group_source",
  "arp_truncated",
  "arp_bad_sender_hardware",
  "arp_bad_sender_protocol",
  "ipv4_truncated",
  "ipv4_bad_version",
  "ipv4_bad_header_length",
  "ipv4_bad_total_length",
  "ipv4_bad_checksum",
  "ipv4_martian_source",
  "ipv4_bad_option",
  "icmp_truncated",
  "icmp_bad_checksum",
]);

/** The names of the reasons, by value: `"ipv4_fragment"` is at {@link DropReason}.IPV4_FRAGMENT. */
export const DROP_REASON_NAMES: readonly string[] = Object.keys(DropReason)
  .map((key) => key.toLowerCase());
