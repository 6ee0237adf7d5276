import { assertEquals } from "@std/assert";
import { type DeviceInfo, infoText } from "../../app/info_text.ts";
import { counted } from "./counted.ts";

const INFO: DeviceInfo = {
  device: "net0",
  driver: "virtio-net",
  bus: "pci 00:02.0",
  facts: [["revision", "82550 (0x0c)"]],
  mac: "02:75:0a:00:02:0f",
  mtu: 1400,
  maxMtu: 1500,
  link: false,
  promiscuous: true,
  queues: { rx: { now: 1, most: 2 }, tx: { now: 1, most: 2 } },
  rings: { rx: [{ now: 128, most: 256 }], tx: [{ now: 64, most: 256 }] },
  vectors: [{ name: "msi-x 1", use: "receive queue 0" }],
  features: { offered: ["MTU", "A_LONG_NAME_OF_A_FEATURE"], negotiated: ["MTU"] },
  counters: counted(),
};

Deno.test("a device in sections, each aligned, zeros too", () => {
  assertEquals(infoText(INFO).split("\n"), [
    "Settings for net0:",
    "  driver:              virtio-net",
    "  bus:                 pci 00:02.0",
    "  revision:            82550 (0x0c)",
    "  MAC:                 02:75:0a:00:02:0f",
    "  MTU:                 1400, at most 1500",
    "  link:                down",
    "  promiscuous:         on",
    "Queues of net0, in use of possible:",
    "  RX:                  1 of 2",
    "  TX:                  1 of 2",
    "Ring sizes of net0, in use of possible:",
    "  RX 0:                128 of 256",
    "  TX 0:                64 of 256",
    "Interrupts of net0:",
    "  msi-x 1:             receive queue 0",
    "Features that net0 offers, on when negotiated:",
    "  MTU:                      on",
    "  A_LONG_NAME_OF_A_FEATURE: off",
    "Counters of net0:",
    "  rx_packets:          3",
    "  rx_bytes:            180",
    "  rx_errors:           4",
    "  rx_dropped:          0",
    "  tx_packets:          0",
    "  tx_bytes:            0",
    "  tx_errors:           0",
    "  tx_dropped:          0",
    "  interrupts:          2",
    "  config_interrupts:   1",
    "  kicks:               1",
    "  kicks_suppressed:    5",
    "  rx_underruns:        0",
    "Frames that the driver of net0 dropped:",
    "  rx_too_short:        0",
    "  rx_too_long:         4",
    "  tx_link_down:        0",
  ]);
});

Deno.test("a section with nothing in it says so", () => {
  const lines = infoText({
    ...INFO,
    rings: { rx: [], tx: [] },
    vectors: [],
    features: { offered: [], negotiated: [] },
    counters: { ...INFO.counters, drops: {} },
  }).split("\n");
  assertEquals(lines.filter((line) => line === "  none").length, 4);
});
