import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { loadInt32, loadUint16, storeInt32, storeUint16 } from "../../stack/network_order.ts";

Deno.test("numbers are loaded big-endian, 32-bit ones as int32", () => {
  const region = new PlainRegion(8);
  region.u8.set([0, 0, 0x12, 0x34, 0xc0, 0x00, 0x02, 0x01]);
  assertEquals(loadUint16(region, 2), 0x1234);
  assertEquals(loadUint16(region, 4), 0xc000);
  assertEquals(loadInt32(region, 4), 0xc0000201 | 0);
});

Deno.test("numbers are stored big-endian, bits beyond their width dropped, neighbours kept", () => {
  const region = new PlainRegion(12);
  region.u8.fill(0xee);
  storeUint16(region, 2, 0xabc1234);
  storeInt32(region, 4, 0xc0000201 | 0);
  const expected = [0xee, 0xee, 0x12, 0x34, 0xc0, 0, 2, 1, 0xee, 0xee, 0xee, 0xee];
  assertEquals(Array.from(region.u8), expected);
});
