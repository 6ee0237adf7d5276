import { assertEquals } from "@std/assert";
import { formatPciAddress } from "../../../drivers/pci/pci_address.ts";

Deno.test("an address is written as lspci does it", () => {
  assertEquals(formatPciAddress({ bus: 0, device: 2, function: 0 }), "00:02.0");
  assertEquals(formatPciAddress({ bus: 0xab, device: 31, function: 7 }), "ab:1f.7");
});
