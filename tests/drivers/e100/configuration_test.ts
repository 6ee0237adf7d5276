import { assertEquals } from "@std/assert";
import { configurationBytes } from "../../../drivers/e100/configuration.ts";

Deno.test("the configure command has 22 bytes and says so", () => {
  const bytes = configurationBytes({ promiscuous: false });
  assertEquals([bytes.length, bytes[0]], [22, 22]);
});

Deno.test("promiscuous is bit 0 of byte 15, and nothing else", () => {
  const off = configurationBytes({ promiscuous: false });
  const on = configurationBytes({ promiscuous: true });
  assertEquals([off[15] & 1, on[15] & 1], [0, 1]);
  assertEquals(on.map((byte, i) => byte ^ off[i]).filter((bits) => bits !== 0), Uint8Array.of(1));
});
