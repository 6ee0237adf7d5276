import { concat, echoFrame, echoReplyFromHost, ipv4Frame, padded } from "./frames.ts";
import { corrupt, OTHER_MAC, type Probe } from "./host_probe.ts";

/** IPv4 headers without options. */
export const IPV4_PROBES: readonly Probe[] = [
  { name: "an echo request", frame: echoFrame(), expected: echoReplyFromHost() },
  {
    name: "an echo request from off the subnet, which goes back to the MAC it came from",
    frame: echoFrame({ from: "192.0.2.9", source: OTHER_MAC }),
    expected: echoReplyFromHost({ to: "192.0.2.9", destination: OTHER_MAC }),
  },
  { name: "TTL 0", frame: echoFrame({ ttl: 0 }), expected: echoReplyFromHost() },
  { name: "TTL 1", frame: echoFrame({ ttl: 1 }), expected: echoReplyFromHost() },
  {
    name: "TOS 0xb8",
    frame: echoFrame({ tos: 0xb8 }),
    expected: echoReplyFromHost({ tos: 0xb8 }),
  },
  { name: "DF set", frame: echoFrame({ fragment: 0x4000 }), expected: echoReplyFromHost() },
  {
    name: "the reserved flag set",
    frame: echoFrame({ fragment: 0x8000 }),
    expected: echoReplyFromHost(),
  },
  {
    name: "garbage behind the total length",
    frame: concat(echoFrame(), new Uint8Array(100).fill(0x5a)),
    expected: echoReplyFromHost(),
  },
  { name: "version 6", frame: echoFrame({ version: 6 }), expected: "ipv4_bad_version" },
  { name: "version 0", frame: echoFrame({ version: 0 }), expected: "ipv4_bad_version" },
  { name: "IHL 4", frame: echoFrame({ headerWords: 4 }), expected: "ipv4_bad_header_length" },
  { name: "IHL 0", frame: echoFrame({ headerWords: 0 }), expected: "ipv4_bad_header_length" },
  {
    name: "IHL 15 in a packet of 28 bytes",
    frame: padded(echoFrame({ headerWords: 15 }, { payload: [] })),
    expected: "ipv4_bad_total_length",
  },
  {
    name: "total length 0",
    frame: echoFrame({ totalLength: 0 }),
    expected: "ipv4_bad_total_length",
  },
  {
    name: "total length 19",
    frame: echoFrame({ totalLength: 19 }),
    expected: "ipv4_bad_total_length",
  },
  { name: "total length 20", frame: echoFrame({ totalLength: 20 }), expected: "icmp_truncated" },
  { name: "total length 27", frame: echoFrame({ totalLength: 27 }), expected: "icmp_truncated" },
  {
    name: "a total length of one byte more than the frame has",
    frame: echoFrame({ totalLength: 85 }),
    expected: "ipv4_truncated",
  },
  {
    name: "a wrong header checksum",
    frame: corrupt(echoFrame(), 14 + 8),
    expected: "ipv4_bad_checksum",
  },
  {
    name: "our address in a link-layer broadcast",
    frame: echoFrame({ destination: "ff:ff:ff:ff:ff:ff" }),
    expected: "ipv4_unicast_in_broadcast",
  },
  { name: "to 10.0.2.255", frame: echoFrame({ to: "10.0.2.255" }), expected: "ipv4_broadcast" },
  {
    name: "to 255.255.255.255",
    frame: echoFrame({ to: "255.255.255.255", destination: "ff:ff:ff:ff:ff:ff" }),
    expected: "ipv4_broadcast",
  },
  { name: "to 224.0.0.1", frame: echoFrame({ to: "224.0.0.1" }), expected: "ipv4_multicast" },
  ...["10.0.2.16", "0.0.0.0", "127.0.0.1", "10.0.2.0"].map((to) => ({
    name: `to ${to}`,
    frame: echoFrame({ to }),
    expected: "ipv4_other_destination",
  })),
  { name: "from ourselves", frame: echoFrame({ from: "10.0.2.15" }), expected: "ipv4_own_source" },
  ...[
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "10.0.2.255",
    "10.0.2.0",
  ].map((from) => ({
    name: `from ${from}`,
    frame: echoFrame({ from }),
    expected: "ipv4_martian_source",
  })),
  {
    name: "the first fragment",
    frame: echoFrame({ fragment: 0x2000 }),
    expected: "ipv4_fragment",
  },
  { name: "the last fragment", frame: echoFrame({ fragment: 0x00b9 }), expected: "ipv4_fragment" },
  {
    name: "UDP",
    frame: ipv4Frame({ protocol: 17 }, new Uint8Array(26)),
    expected: "ipv4_unknown_protocol",
  },
  {
    name: "protocol 200",
    frame: ipv4Frame({ protocol: 200 }, new Uint8Array(26)),
    expected: "ipv4_unknown_protocol",
  },
];
