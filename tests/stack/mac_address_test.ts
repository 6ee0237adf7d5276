import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import {
  checkStationMac,
  formatMac,
  isGroupHead,
  macFromIpv4,
  macHead,
  macTail,
  parseMac,
} from "../../stack/mac_address.ts";
import { ip } from "./frames.ts";

Deno.test("parseMac() reads colons, hyphens and either case", () => {
  const expected = Uint8Array.of(0x52, 0x54, 0x00, 0xab, 0xcd, 0xef);
  for (const text of ["52:54:00:ab:cd:ef", "52-54-00-AB-CD-EF", "52:54:00:AB:cd:EF"]) {
    assertEquals(parseMac(text), expected);
  }
});

Deno.test("parseMac() refuses what is no station's address, and says what it got", () => {
  for (
    const text of [
      "",
      "52:54:00:ab:cd",
      "52:54:00:ab:cd:ef:01",
      "52:54:00:ab:cd:e",
      "52:54:00:ab:cd:eg",
      "52:54-00:ab:cd:ef",
      " 52:54:00:ab:cd:ef",
      "525400abcdef",
    ]
  ) {
    assertThrows(() => parseMac(text), AddressError, `"${text}"`);
  }
  assertThrows(() => parseMac("01:00:5e:00:00:01"), AddressError, "group");
  assertThrows(() => parseMac("ff:ff:ff:ff:ff:ff"), AddressError, "group");
  assertThrows(() => parseMac("00:00:00:00:00:00"), AddressError, "zero");
  assertThrows(() => checkStationMac(new Uint8Array(5)), AddressError, "5 bytes");
});

Deno.test("formatMac() writes what parseMac() reads", () => {
  for (const text of ["52:54:00:ab:cd:ef", "02:00:00:00:00:01", "fe:ff:ff:ff:ff:ff"]) {
    const mac = parseMac(text);
    assertEquals(formatMac(macHead(mac), macTail(mac)), text);
  }
});

Deno.test("isGroupHead() looks at the I/G bit alone", () => {
  assertEquals(isGroupHead(macHead(Uint8Array.of(1, 0, 0, 0, 0, 0))), true);
  assertEquals(isGroupHead(macHead(Uint8Array.of(0xfe, 0xff, 0, 0, 0, 0))), false);
});

Deno.test("macFromIpv4() gives each address a station address of its own", () => {
  const mac = macFromIpv4(ip("192.0.2.254"));
  assertEquals(mac, Uint8Array.of(0x02, 0x75, 192, 0, 2, 254));
  checkStationMac(mac);
});
