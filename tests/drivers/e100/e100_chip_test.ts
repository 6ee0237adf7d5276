import { assertEquals } from "@std/assert";
import { chipName, hasCauseMasks } from "../../../drivers/e100/e100_chip.ts";
import { E100_IDS } from "../../../drivers/e100/e100_ids.ts";

Deno.test("a chip is known by its revision", () => {
  const names = [0x01, 0x03, 0x04, 0x05, 0x08, 0x09].map((revision) => chipName(revision, 0));
  assertEquals(names, ["82557", "82557", "82558", "82558", "82559", "82559S"]);
  assertEquals(chipName(0x0e, 0), "82550 or 82551");
  assertEquals(chipName(0x08, 4), "82559 of an ICH4");
});

Deno.test("the 82557 has no mask for each cause", () => {
  assertEquals([3, 4].map(hasCauseMasks), [false, true]);
});

Deno.test("the id table has each device once, all of them Ethernet cards of Intel", () => {
  const ids = E100_IDS.map(({ deviceId }) => deviceId);
  assertEquals(new Set(ids).size, ids.length);
  for (const id of [0x1229, 0x1209, 0x1033, 0x103e, 0x1057, 0x106b, 0x1095, 0x245d, 0x27dc]) {
    assertEquals(ids.includes(id), true, id.toString(16));
  }
  assertEquals(ids.includes(0x100e), false, "an e1000 is none");
  assertEquals(new Set(E100_IDS.map(({ vendorId }) => vendorId)), new Set([0x8086]));
  assertEquals(E100_IDS.find(({ deviceId }) => deviceId === 0x27dc)?.driverData, { ich: 7 });
});
