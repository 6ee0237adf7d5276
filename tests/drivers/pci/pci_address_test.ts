import { assertEquals } from "@std/assert";
import {
  formatPciAddress,
  formatWholePciAddress,
  parsePciAddress,
} from "../../../drivers/pci/pci_address.ts";

const WITH_DOMAIN = { domain: 0x1_0000, bus: 1, device: 0, function: 3 };

Deno.test("an address is written as lspci does it", () => {
  assertEquals(formatPciAddress({ bus: 0, device: 2, function: 0 }), "00:02.0");
  assertEquals(formatPciAddress({ bus: 0xab, device: 31, function: 7 }), "ab:1f.7");
  assertEquals(formatPciAddress(WITH_DOMAIN), "10000:01:00.3");
});

Deno.test("an address is written as sysfs does it, always with its domain", () => {
  assertEquals(formatWholePciAddress({ bus: 0, device: 2, function: 0 }), "0000:00:02.0");
  assertEquals(formatWholePciAddress(WITH_DOMAIN), "10000:01:00.3");
});

Deno.test("an address is read in both forms, and what is none isn't", () => {
  for (const address of [{ bus: 0xab, device: 31, function: 7 }, WITH_DOMAIN]) {
    assertEquals(parsePciAddress(formatPciAddress(address)), address);
    assertEquals(parsePciAddress(formatWholePciAddress(address)), address);
  }
  assertEquals(parsePciAddress("00:0A.0"), { bus: 0, device: 10, function: 0 });
  for (const text of ["", "0:02.0", "00:02", "00:02.8", "00:20.0", "00:02.0 ", "x0:02.0"]) {
    assertEquals(parsePciAddress(text), null);
  }
});
