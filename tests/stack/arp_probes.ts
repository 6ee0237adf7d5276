import { type ArpFields, arpFrame, arpReplyFromHost, concat, padded } from "./frames.ts";
import { GROUP_MAC, OTHER_MAC, OWN_MAC, type Probe } from "./host_probe.ts";

/** ARP packets. */
export const ARP_PROBES: readonly Probe[] = [
  arp("a broadcast request", {}, arpReplyFromHost()),
  arp("a unicast request", { destination: OWN_MAC }, arpReplyFromHost()),
  { name: "a request of 42 bytes", frame: arpFrame(), expected: arpReplyFromHost() },
  {
    name: "a request with garbage behind it",
    frame: concat(arpFrame(), new Uint8Array(200).fill(0x5a)),
    expected: arpReplyFromHost(),
  },
  arp("a probe, spa 0 (RFC 5227 §2.1.1)", { spa: "0.0.0.0" }, arpReplyFromHost({ tpa: "0.0.0.0" })),
  arp("a probe for another address", { spa: "0.0.0.0", tpa: "10.0.2.77" }, "arp_other_target"),
  arp(
    "a request whose sha is not the frame's source",
    { sha: OTHER_MAC },
    arpReplyFromHost({ destination: OTHER_MAC, tha: OTHER_MAC }),
  ),
  arp(
    "a request from off the subnet",
    { spa: "192.0.2.9" },
    arpReplyFromHost({ tpa: "192.0.2.9" }),
  ),
  arp("a request for another address", { tpa: "10.0.2.16" }, "arp_other_target"),
  arp("an announcement of another host", { spa: "10.0.2.9", tpa: "10.0.2.9" }, "arp_other_target"),
  arp("operation 0", { operation: 0 }, "arp_unknown_operation"),
  arp("operation 3", { operation: 3 }, "arp_unknown_operation"),
  arp("operation 25", { operation: 25 }, "arp_unknown_operation"),
  arp(
    "operation 0x0100, a request in the wrong byte order",
    { operation: 0x0100 },
    "arp_unknown_operation",
  ),
  arp("hardware type 2", { hardwareType: 2 }, "arp_unsupported"),
  arp("hardware type 6, IEEE 802", { hardwareType: 6 }, "arp_unsupported"),
  arp("protocol type IPv6", { protocolType: 0x86dd }, "arp_unsupported"),
  arp("a hardware length of 8", { hardwareLength: 8 }, "arp_unsupported"),
  arp("a protocol length of 16", { protocolLength: 16 }, "arp_unsupported"),
  arp("a multicast sha", { sha: GROUP_MAC }, "arp_bad_sender_hardware"),
  arp("a broadcast sha", { sha: "ff:ff:ff:ff:ff:ff" }, "arp_bad_sender_hardware"),
  arp("a sha of zero", { sha: "00:00:00:00:00:00" }, "arp_bad_sender_hardware"),
  arp("our own sha", { sha: OWN_MAC }, "arp_bad_sender_hardware"),
  ...["255.255.255.255", "127.0.0.1", "224.0.0.1", "240.0.0.1", "10.0.2.255", "10.0.2.0", "0.1.2.3"]
    .map((spa) => arp(`spa ${spa}`, { spa }, "arp_bad_sender_protocol")),
  arp("a reply with spa 0", { operation: 2, spa: "0.0.0.0" }, "arp_bad_sender_protocol"),
  arp("a request from our own address", { spa: "10.0.2.15" }, "arp_conflict"),
  arp("an announcement of our own address", { spa: "10.0.2.15", operation: 2 }, "arp_conflict"),
  arp(
    "a reply that nobody asked for",
    { destination: OWN_MAC, operation: 2, tha: OWN_MAC },
    "arp_unsolicited_reply",
  ),
];

/** A padded packet, of `fields` or else a request of our address, and what comes of it. */
function arp(name: string, fields: ArpFields, expected: Probe["expected"]): Probe {
  return { name, frame: padded(arpFrame(fields)), expected };
}
