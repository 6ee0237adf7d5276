/** Why the stack dropped a packet. A reason's name in counters is its key in lower case. */
export const DropReason = {
  /** A packet in more than one netbuf, of a protocol whose packets fit into one. */
  NETBUF_CHAINED: 0,
  /** The buffer ends too close behind the frame's start to answer in place. */
  NETBUF_TOO_SMALL: 1,
  /** Shorter than an Ethernet header. */
  ETHERNET_TRUNCATED: 2,
  /** To a multicast address: no group is joined. */
  ETHERNET_MULTICAST: 3,
  /** To another station; promiscuous networks deliver such frames. */
  ETHERNET_OTHER_HOST: 4,
  /** From a group address, which no station can have. */
  ETHERNET_GROUP_SOURCE: 5,
  /** From our own address: a loop in the network, or a forgery. */
  ETHERNET_OWN_SOURCE: 6,
  /** Neither ARP nor IPv4, or an IEEE 802.3 length. */
  ETHERNET_UNKNOWN_TYPE: 7,

  /** Shorter than an ARP packet for Ethernet and IPv4. */
  ARP_TRUNCATED: 8,
  /** Not Ethernet and IPv4, or their address lengths are wrong. */
  ARP_UNSUPPORTED: 9,
  /** Neither request nor reply. */
  ARP_UNKNOWN_OPERATION: 10,
  /** The sender hardware address is a group address, all zero, or our own. */
  ARP_BAD_SENDER_HARDWARE: 11,
  /** The sender protocol address can be no host's. */
  ARP_BAD_SENDER_PROTOCOL: 12,
  /** Another station says that our address is its own. */
  ARP_CONFLICT: 13,
  /** A request for somebody else's address. */
  ARP_OTHER_TARGET: 14,
  /** A reply from a host that the cache holds no entry for. */
  ARP_UNSOLICITED_REPLY: 15,
  /** A reply that would move a host to another hardware address too soon after its last move. */
  ARP_LOCKED: 16,
  /** A packet of ours that gave up its place in waiting for an ARP reply to a newer one. */
  ARP_PENDING_REPLACED: 17,
  /** A packet of ours whose next hop did not answer ARP. */
  ARP_RESOLUTION_FAILED: 18,
  /** A packet of ours that found too many ARP resolutions under way. */
  ARP_TOO_MANY_PENDING: 19,

  /** Shorter than an IPv4 header, or than the header says it is. */
  IPV4_TRUNCATED: 20,
  /** The version is not 4. */
  IPV4_BAD_VERSION: 21,
  /** A header length below 5 words. */
  IPV4_BAD_HEADER_LENGTH: 22,
  /** A total length below the header length. */
  IPV4_BAD_TOTAL_LENGTH: 23,
  /** The header checksum is wrong. */
  IPV4_BAD_CHECKSUM: 24,
  /** To the limited broadcast address or the subnet's. */
  IPV4_BROADCAST: 25,
  /** To a multicast address. */
  IPV4_MULTICAST: 26,
  /** To another host. */
  IPV4_OTHER_DESTINATION: 27,
  /** To our address, in a link-layer broadcast. */
  IPV4_UNICAST_IN_BROADCAST: 28,
  /** From an address that can be no host's on a network. */
  IPV4_MARTIAN_SOURCE: 29,
  /** From our own address. */
  IPV4_OWN_SOURCE: 30,
  /** An option that does not fit its own or the header's length. */
  IPV4_BAD_OPTION: 31,
  /** A loose or strict source route. */
  IPV4_SOURCE_ROUTE: 32,
  /** A fragment; nothing reassembles them. */
  IPV4_FRAGMENT: 33,
  /** A protocol other than ICMP. */
  IPV4_UNKNOWN_PROTOCOL: 34,

  /** Shorter than an ICMP header. */
  ICMP_TRUNCATED: 35,
  /** The checksum over the message is wrong. */
  ICMP_BAD_CHECKSUM: 36,
  /** An error message, a source quench or a redirect: nothing that we sent needs to know. */
  ICMP_ERROR_MESSAGE: 37,
  /** A type that is not served. */
  ICMP_UNKNOWN_TYPE: 38,
  /** An echo reply with an identifier that we never sent. */
  ICMP_UNSOLICITED_ECHO_REPLY: 39,
  /** An echo request so large that its reply exceeds our MTU. */
  ICMP_REPLY_EXCEEDS_MTU: 40,

  /** A packet of ours that found the pool of netbufs dry. */
  OUTPUT_NO_NETBUF: 41,

  /** A packet in more than one netbuf whose headers are not all in the first. */
  NETBUF_HEADERS_SPLIT: 42,
} as const;

/** One of the values of {@link DropReason}. */
export type DropReason = typeof DropReason[keyof typeof DropReason];

/** The names of the reasons, by value: `"ipv4_fragment"` is at {@link DropReason}.IPV4_FRAGMENT. */
export const DROP_REASON_NAMES: readonly string[] = Object.keys(DropReason)
  .map((key) => key.toLowerCase());
