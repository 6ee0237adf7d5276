import { assertEquals, assertMatch } from "@std/assert";
import { Appliance, runMain } from "./appliance.ts";

const NEGOTIATED = [
  ...["MTU", "MAC", "MRG_RXBUF", "STATUS"],
  ...["CTRL_VQ", "CTRL_RX", "CTRL_VLAN", "CTRL_RX_EXTRA", "GUEST_ANNOUNCE", "CTRL_MAC_ADDR"],
  ...["INDIRECT_DESC", "EVENT_IDX", "VERSION_1", "RING_RESET"],
];

/** What QEMU's virtio-net-pci offers by default (hw/net/virtio-net.c) on a network without offloads. */
const OFFERED_BY_QEMU = [
  ...NEGOTIATED,
  ...["CTRL_GUEST_OFFLOADS"],
];

Deno.test("info as JSON: QEMU's card with its features, queues, vectors and counters", async () => {
  const { code, stdout, stderr } = await runMain(["info", "--log=json", "--mtu=1400"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertEquals(stdout.trimEnd().split("\n").length, 1);
  const { features, counters, dropReasons, ...facts } = JSON.parse(stdout);
  assertEquals(facts, {
    event: "info",
    device: "net0",
    driver: "virtio-net",
    bus: "pci 00:02.0",
    facts: [["transport", "virtio-pci modern"], ["interrupts", "msi-x per queue"]],
    mac: "02:75:0a:00:02:0f",
    type: 1,
    flags: ["BROADCAST", "MULTICAST"],
    broadcast: "ff:ff:ff:ff:ff:ff",
    hardHeaderLength: 14,
    txQueueLength: 1000,
    mtu: 1400,
    minMtu: 68,
    maxMtu: 1400,
    link: true,
    promiscuous: false,
    queues: { rx: { now: 1, most: 1 }, tx: { now: 1, most: 1 } },
    rings: { rx: [{ now: 256, most: 256 }], tx: [{ now: 256, most: 256 }] },
    vectors: [
      { name: "msi-x 0", use: "configuration changes" },
      { name: "msi-x 1", use: "receive queue 0" },
      { name: "msi-x 2", use: "transmit queue 0 (masked: it is polled)" },
    ],
    einfo: {},
  });
  assertEquals(features.negotiated, NEGOTIATED);
  assertEquals(OFFERED_BY_QEMU.filter((name) => !features.offered.includes(name)), []);
  assertEquals(counters.txPackets, 0, "info sends nothing");
  assertEquals(counters.drops.tx_too_long, 0);
  const layers = new Set(dropReasons.map(({ layer }: { layer: string }) => layer));
  const expected = ["netdev", "stack", "virtio-net", "e100", "stream", "tap"];
  assertEquals(expected.filter((layer) => !layers.has(layer)), []);
  assertEquals(counters.rxQueues[0].ring, { size: 256, used: 256 });
});

Deno.test("info as text: sections like ethtool's", async () => {
  const { code, stdout, stderr } = await runMain(["info", "--mac=52:54:00:12:34:56"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertMatch(stdout, /^Settings for net0:\n {2}driver: +virtio-net\n {2}bus: +pci 00:02\.0\n/);
  assertMatch(stdout, /^ {2}MAC: +52:54:00:12:34:56$/m);
  assertMatch(stdout, /^ {2}link: +up$/m);
  assertMatch(stdout, /^ {2}RX 0: +256 of 256$/m);
  assertMatch(stdout, /^ {2}msi-x 1: +receive queue 0$/m);
  assertMatch(stdout, /^ {2}EVENT_IDX: +on$/m);
  assertMatch(stdout, /^ {2}CTRL_VQ: +on$/m);
  assertMatch(stdout, /^ {2}CTRL_GUEST_OFFLOADS: +off$/m);
  assertMatch(stdout, /^ {2}promiscuous: +off$/m);
  assertMatch(stdout, /^ {2}rx_packets: +0$/m);
  assertMatch(stdout, /^ {2}rx_queue_0_ring_used: +256$/m);
  assertMatch(stdout, /^ {2}tx_bad_headroom: +0$/m);
  assertMatch(stdout, /^ {2}ipv4_fragment: +a fragment; nothing reassembles them$/m);
});

Deno.test("info on cards reached in other ways: the transport, and how it interrupts", async () => {
  const cards = [
    ["virtio-net-pci,vectors=2", "virtio-pci modern", "msi-x shared"],
    ["virtio-net-pci,vectors=0,disable-modern=on", "virtio-pci legacy", "intx"],
    ["virtio-net-device", "virtio-mmio version 2", "wire"],
    ["virtio-net-device,legacy=on", "virtio-mmio version 1", "wire"],
  ];
  for (const [card, transport, interrupts] of cards) {
    const { code, stdout, stderr } = await runMain([
      "info",
      "--log=json",
      `--device=qemu:${card}`,
    ]);
    assertEquals([code, stderr], [0, ""]);
    const { bus, facts, vectors } = JSON.parse(stdout);
    assertEquals(bus, transport.startsWith("virtio-mmio") ? "mmio 0xfeb00e00" : "pci 00:02.0");
    assertEquals(facts, [["transport", transport], ["interrupts", interrupts]]);
    assertEquals(vectors.length, interrupts === "msi-x shared" ? 2 : 1);
  }
});

Deno.test("info on a card that knows how fast its link is", async () => {
  const card = "--device=qemu:virtio-net-pci,speed=2500,duplex=full";
  const { code, stdout, stderr } = await runMain(["info", card]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^ {2}speed: +2500 Mbit\/s$/m);
  assertMatch(stdout, /^ {2}duplex: +full$/m);
  assertMatch(stdout, /^ {2}SPEED_DUPLEX: +on$/m);
});

Deno.test("info on an Intel 8255x: what it is, and what it counts by itself", async () => {
  const card = ["info", "--device=qemu:i82550", "--mac=52:54:00:12:34:56"];
  const { code, stdout, stderr } = await runMain(card);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Settings for net0:\n {2}driver: +e100\n {2}bus: +pci 00:02\.0\n/);
  assertMatch(stdout, /^ {2}chip: +82550 or 82551$/m);
  assertMatch(stdout, /^ {2}revision: +14$/m);
  assertMatch(stdout, /^ {2}EEPROM: +64 words, checksum 0x[0-9a-f]{4}$/m);
  assertMatch(stdout, /^ {2}PHY: +1, id 0x02a80154$/m);
  assertMatch(stdout, /^ {2}tx good frames: +0$/m);
  assertMatch(stdout, /^ {2}rx resource errors: +0$/m);
  assertMatch(stdout, /^ {2}MAC: +52:54:00:12:34:56$/m);
  assertMatch(stdout, /^ {2}link: +up$/m);
  assertMatch(stdout, /^ {2}promiscuous: +off$/m);
  assertMatch(stdout, /^ {2}intx: +receive queue 0/m);
  assertMatch(stdout, /^ {2}rx_zero_length: +0$/m);
});

Deno.test("info on an Intel 8255x with an MTU that Ethernet doesn't have: one line, status 1", async () => {
  const { code, stdout, stderr } = await runMain([
    "info",
    "--device=qemu:i82557b",
    "--mtu=9000",
  ]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^ukdeno: MTU 9000: 68 to 1500 is possible\n$/);
});

Deno.test("info with a kernel command line: what the device was given", async () => {
  const given = "netdev.ip=10.0.2.20/24:10.0.2.2:10.0.2.3::web:example.org";
  const { code, stdout, stderr } = await runMain(["info", given]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^ {2}MAC: +02:75:0a:00:02:14$/m);
  assertMatch(stdout, /^ {2}flags: +BROADCAST MULTICAST$/m);
  const section = /^Addresses and names given to net0:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? "";
  assertEquals(section.trimEnd().split("\n").map((line) => line.trim().split(/: +/)), [
    ["IPV4_CIDR", "10.0.2.20/24"],
    ["IPV4_GW", "10.0.2.2"],
    ["IPV4_DNS0", "10.0.2.3"],
    ["IPV4_HOSTNAME", "web"],
    ["IPV4_DOMAIN", "example.org"],
  ]);
});

Deno.test("info beside a running appliance", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { code, stderr } = await runMain(["info"]);
  assertEquals(code, 0, stderr);
  await appliance.stop();
});

Deno.test("info with what it doesn't take: one line, status 2", async () => {
  for (const args of [["--ip=10.0.2.15/24"], ["net0"], ["--log=xml"]]) {
    const { code, stdout, stderr } = await runMain(["info", ...args]);
    assertEquals(code, 2);
    assertEquals(stdout, "");
    assertMatch(stderr, /^ukdeno: .*\n$/);
  }
});

Deno.test("info without a QEMU that works: one line, status 1", async () => {
  const { code, stderr } = await runMain(["info", "--netdev=nonsense"]);
  assertEquals(code, 1);
  assertMatch(stderr, /^ukdeno: QEMU refused to run: .*\n$/);
});
