import { assertEquals } from "@std/assert";
import { PacketTotals } from "../../../drivers/virtio/packet_totals.ts";

Deno.test("packets and bytes begin at 0, and some may be taken back", () => {
  const totals = new PacketTotals();
  assertEquals([totals.packets, totals.bytes], [0, 0]);
  totals.add(3, 300);
  totals.add(-1, -100);
  assertEquals([totals.packets, totals.bytes], [2, 200]);
});

Deno.test("packets and bytes are exact beyond 2^32, whenever they're looked at", () => {
  const totals = new PacketTotals();
  const jumbo = 64 * 65_535;
  for (let i = 1; i <= 3000; i++) {
    totals.add(64, jumbo);
    totals.add(1, 61);
    if (i % 7 === 0) assertEquals([totals.packets, totals.bytes], [65 * i, (jumbo + 61) * i]);
  }
  assertEquals([totals.packets, totals.bytes], [195_000, (jumbo + 61) * 3000]);
});
