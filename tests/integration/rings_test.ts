import { assertEquals, assertMatch } from "@std/assert";
import { Appliance, runMain } from "./appliance.ts";

/** On QEMU's virtio-net-pci: flags, what is negotiated, and the rings. */
const RINGS = [
  { flags: ["--ring=packed"], features: ["RING_PACKED", "INDIRECT_DESC", "EVENT_IDX"], size: 256 },
  {
    flags: ["--ring=packed", "--ring-size=100", "--device=qemu:virtio-net-pci,event_idx=off"],
    features: ["RING_PACKED", "INDIRECT_DESC"],
    size: 100,
  },
  {
    flags: ["--ring=packed", "--ring-size=17", "--device=qemu:virtio-net-pci,indirect_desc=off"],
    features: ["RING_PACKED", "EVENT_IDX"],
    size: 17,
  },
  {
    flags: ["--ring=packed", "--device=qemu:virtio-net-device"],
    features: ["RING_PACKED", "INDIRECT_DESC", "EVENT_IDX"],
    size: 1024,
  },
  { flags: ["--ring-size=16"], features: ["INDIRECT_DESC", "EVENT_IDX"], size: 16 },
  {
    flags: ["--device=qemu:virtio-net-pci,indirect_desc=off"],
    features: ["EVENT_IDX"],
    size: 256,
  },
];

const KINDS = ["RING_PACKED", "INDIRECT_DESC", "EVENT_IDX"];

for (const { flags, features, size } of RINGS) {
  Deno.test(`QEMU's card answers pings of 0 to 8972 bytes with ${flags.join(" ")}`, async () => {
    await using appliance = new Appliance(["--mtu=9000", ...flags]);
    const device = await appliance.event("device");
    const negotiated = device.features as string[];
    assertEquals(KINDS.filter((name) => negotiated.includes(name)), features);
    await appliance.event("gateway");
    // More buffers than the ring has entries, several times over; but no more on the way than a
    // socket of the hub takes when a busy machine stops for a while.
    for (const payload of [0, 1472, 8972]) {
      const args = ["-c", "40", "-i", "0.02", "-s", `${payload}`, "--mtu=9000"];
      const { code, stdout } = await runMain(["ping", `--hub=${appliance.hub}`, ...args]);
      assertEquals(code, 0, stdout);
      assertMatch(stdout, /40 packets transmitted, 40 received, 0% packet loss/);
    }
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const stopped = JSON.stringify(await appliance.event("stopped"));
    assertEquals([...stopped.matchAll(/"ring":\{"size":(\d+)/g)].map(([, n]) => Number(n)), [
      size,
      size,
    ]);
  });
}

Deno.test("a ring that a card can't have is refused in one line", async () => {
  const refused: readonly (readonly [string[], string])[] = [
    [["--ring-size=512"], "--ring-size=512: 512 descriptors: the queue has 256"],
    [
      ["--ring=packed", "--device=qemu:virtio-net-pci,packed=off"],
      "pci 00:02.0 offers no packed rings (VIRTIO_F_RING_PACKED): use split ones",
    ],
  ];
  for (const [flags, message] of refused) {
    const { code, stderr } = await runMain(["info", ...flags]);
    assertEquals([code, stderr], [1, `ukdeno: ${message}\n`]);
  }
});
