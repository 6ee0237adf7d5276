import { arpFrame, arpReplyFromHost, concat, padded } from "./frames.ts";
import { GROUP_MAC, OTHER_MAC, OWN_MAC, type Probe } from "./host_probe.ts";

/** ARP packets. */
export const ARP_PROBES: readonly Probe[] = [
  { name: "a broadcast request", frame: padded(arpFrame()), expected: arpReplyFromHost() },
  {
    name: "a unicast request",
    frame: padded(arpFrame({ destination: OWN_MAC })),
    expected: arpReplyFromHost(),
  },
  { name: "a request of 42 bytes", frame: arpFrame(), expected: arpReplyFromHost() },
  {
    name: "a request with garbage behind it",
    frame: concat(arpFrame(), new Uint8Array(200).fill(0x5a)),
    expected: arpReplyFromHost(),
  },
  {
    name: "a probe, spa 0 (RFC 5227 §2.1.1)",
    frame: padded(arpFrame({ spa: "0.0.0.0" })),
    expected: arpReplyFromHost({ tpa: "0.0.0.0" }),
  },
  {
    name: "a probe for another address",
    frame: padded(arpFrame({ spa: "0.0.0.0", tpa: "10.0.2.77" })),
    expected: "arp_other_target",
  },
  {
    name: "a request whose sha is not the frame's source",
    frame: padded(arpFrame({ sha: OTHER_MAC })),
    expected: arpReplyFromHost({ destination: OTHER_MAC, tha: OTHER_MAC }),
  },
  {
    name: "a request from off the subnet",
    frame: padded(arpFrame({ spa: "192.0.2.9" })),
    expected: arpReplyFromHost({ tpa: "192.0.2.9" }),
  },
  {
    name: "a request for another address",
    frame: padded(arpFrame({ tpa: "10.0.2.16" })),
    expected: "arp_other_target",
  },
  {
    name: "an announcement of another host",
    frame: padded(arpFrame({ spa: "10.0.2.9", tpa: "10.0.2.9" })),
    expected: "arp_other_target",
  },
  {
    name: "operation 0",
    frame: padded(arpFrame({ operation: 0 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 3",
    frame: padded(arpFrame({ operation: 3 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 25",
    frame: padded(arpFrame({ operation: 25 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 0x0100, a request in the wrong byte order",
    frame: padded(arpFrame({ operation: 0x0100 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "hardware type 2",
    frame: padded(arpFrame({ hardwareType: 2 })),
    expected: "arp_unsupported",
  },
  {
    name: "hardware type 6, IEEE 802",
    frame: padded(arpFrame({ hardwareType: 6 })),
    expected: "arp_unsupported",
  },
  {
    name: "protocol type IPv6",
    frame: padded(arpFrame({ protocolType: 0x86dd })),
    expected: "arp_unsupported",
  },
  {
    name: "a hardware length of 8",
    frame: padded(arpFrame({ hardwareLength: 8 })),
    expected: "arp_unsupported",
  },
  {
    name: "a protocol length of 16",
    frame: padded(arpFrame({ protocolLength: 16 })),
    expected: "arp_unsupported",
  },
  {
    name: "a multicast sha",
    frame: padded(arpFrame({ sha: GROUP_MAC })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "a broadcast sha",
    frame: padded(arpFrame({ sha: "ff:ff:ff:ff:ff:ff" })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "a sha of zero",
    frame: padded(arpFrame({ sha: "00:00:00:00:00:00" })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "our own sha",
    frame: padded(arpFrame({ sha: OWN_MAC })),
    expected: "arp_bad_sender_hardware",
  },
  ...["255.255.255.255", "127.0.0.1", "224.0.0.1", "240.0.0.1", "10.0.2.255", "10.0.2.0", "0.1.2.3"]
    .map((spa) => ({
      name: `spa ${spa}`,
      frame: padded(arpFrame({ spa })),
      expected: "arp_bad_sender_protocol",
    })),
  {
    name: "a reply with spa 0",
    frame: padded(arpFrame({ operation: 2, spa: "0.0.0.0" })),
    expected: "arp_bad_sender_protocol",
  },
  {
    name: "a request from our own address",
    frame: padded(arpFrame({ spa: "10.0.2.15" })),
    expected: "arp_conflict",
  },
  {
    name: "an announcement of our own address",
    frame: padded(arpFrame({ spa: "10.0.2.15", operation: 2 })),
    expected: "arp_conflict",
  },
  {
    name: "a reply that nobody asked for",
    frame: padded(arpFrame({ destination: OWN_MAC, operation: 2, tha: OWN_MAC })),
    expected: "arp_unsolicited_reply",
  },
];
