import { arpFrame, concat, echoFrame, ethernetFrame } from "./frames.ts";
import { cut, GROUP_MAC, OTHER_MAC, OWN_MAC, type Probe } from "./host_probe.ts";

/** What is wrong with a frame, or whom it is for. */
export const ETHERNET_PROBES: readonly Probe[] = [
  { name: "an empty frame", frame: new Uint8Array(), expected: "ethernet_truncated" },
  { name: "13 bytes", frame: cut(echoFrame(), 13), expected: "ethernet_truncated" },
  { name: "14 bytes of IPv4", frame: cut(echoFrame(), 14), expected: "ipv4_truncated" },
  { name: "15 bytes of IPv4", frame: cut(echoFrame(), 15), expected: "ipv4_truncated" },
  {
    name: "a frame to another station",
    frame: echoFrame({ destination: OTHER_MAC }),
    expected: "ethernet_other_host",
  },
  {
    name: "a frame to a multicast address",
    frame: echoFrame({ destination: GROUP_MAC, to: "224.0.0.1" }),
    expected: "ethernet_multicast",
  },
  {
    name: "a frame from a multicast address",
    frame: echoFrame({ source: GROUP_MAC }),
    expected: "ethernet_group_source",
  },
  {
    name: "a frame from the broadcast address",
    frame: echoFrame({ source: "ff:ff:ff:ff:ff:ff" }),
    expected: "ethernet_group_source",
  },
  {
    name: "a frame from our own address",
    frame: echoFrame({ source: OWN_MAC }),
    expected: "ethernet_own_source",
  },
  {
    name: "a VLAN tag",
    frame: ethernetFrame({ type: 0x8100 }, concat([0, 0, 8, 6], arpFrame().slice(14))),
    expected: "ethernet_unknown_type",
  },
  {
    name: "IPv6",
    frame: ethernetFrame({ type: 0x86dd }, new Uint8Array(46)),
    expected: "ethernet_unknown_type",
  },
  {
    name: "an IEEE 802.3 length",
    frame: ethernetFrame({ type: 46 }, new Uint8Array(46)),
    expected: "ethernet_unknown_type",
  },
];
