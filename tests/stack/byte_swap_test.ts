import { assertEquals } from "@std/assert";
import { swapInt32, swapUint16 } from "../../stack/byte_swap.ts";

Deno.test("swapping twice gives the number back", () => {
  for (const value of [0, 1, -1, 0x7fffffff, -0x80000000, 0x12345678]) {
    assertEquals(swapInt32(swapInt32(value)), value);
    assertEquals(swapUint16(swapUint16(value & 0xffff)), value & 0xffff);
  }
  assertEquals(swapInt32(0x11223344), 0x44332211);
});
