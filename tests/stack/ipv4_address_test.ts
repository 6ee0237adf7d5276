import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import {
  formatIpv4,
  isHostAddress,
  parseIpv4,
  parseIpv4Cidr,
  prefixMask,
} from "../../stack/ipv4_address.ts";

Deno.test("parseIpv4() gives an int32 with the first byte on top", () => {
  assertEquals(parseIpv4("10.0.2.15"), 0x0a00020f);
  assertEquals(parseIpv4("192.0.2.1"), 0xc0000201 | 0);
  assertEquals(parseIpv4("255.255.255.255"), -1);
  assertEquals(parseIpv4("0.0.0.0"), 0);
});

Deno.test("formatIpv4() writes what parseIpv4() reads", () => {
  for (const text of ["0.0.0.0", "10.0.2.15", "127.255.0.1", "255.255.255.255", "192.0.2.1"]) {
    assertEquals(formatIpv4(parseIpv4(text)), text);
  }
});

Deno.test("parseIpv4() refuses anything but four decimal bytes, and says what it got", () => {
  for (
    const text of [
      "",
      "10.0.2",
      "10.0.2.15.1",
      "10.0.2.256",
      "10.0.2.-1",
      "10.0.2.015",
      "10.0.2.0x1",
      "10.0.2.1 ",
      "10.0..1",
      "1e1.0.2.1",
      "host",
    ]
  ) {
    assertThrows(() => parseIpv4(text), AddressError, `"${text}"`);
  }
  assertThrows(() => parseIpv4("10.0.2.999"), AddressError, '"999"');
});

Deno.test("parseIpv4Cidr() reads address and prefix length", () => {
  assertEquals(parseIpv4Cidr("10.0.2.15/24"), { address: 0x0a00020f, prefixLength: 24 });
  assertEquals(parseIpv4Cidr("10.0.2.0/31").prefixLength, 31);
  assertEquals(parseIpv4Cidr("10.0.2.1/31").prefixLength, 31);
  assertEquals(parseIpv4Cidr("10.0.2.255/32").prefixLength, 32);
  assertEquals(parseIpv4Cidr("126.0.0.1/1").prefixLength, 1);
});

Deno.test("parseIpv4Cidr() says which value is wrong and why", () => {
  const reasons = {
    "10.0.2.15": "missing",
    "10.0.2.15/": 'prefix length ""',
    "10.0.2.15/x": 'prefix length "x"',
    "10.0.2.15/-1": 'prefix length "-1"',
    "10.0.2.15/24/8": 'prefix length "24/8"',
    "10.0.2.15/0": "prefix length 0",
    "10.0.2.15/33": "prefix length 33",
    "10.0.2/24": '"10.0.2"',
    "10.0.2.0/24": "the subnet itself",
    "10.0.2.255/24": "broadcast",
    "10.0.2.3/30": "broadcast",
    "0.1.2.3/8": "0/8",
    "127.0.0.1/8": "loopback",
    "224.0.0.1/24": "multicast",
    "239.255.255.255/32": "multicast",
    "240.0.0.1/24": "reserved",
    "255.255.255.255/32": "limited broadcast",
  };
  for (const [text, reason] of Object.entries(reasons)) {
    assertThrows(() => parseIpv4Cidr(text), AddressError, reason, text);
  }
});

Deno.test("isHostAddress() holds from 1.0.0.0 to 223.255.255.255 but for loopback", () => {
  const hosts = ["1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255"];
  const others = ["0.0.0.0", "0.255.255.255", "127.0.0.0", "127.255.255.255", "224.0.0.0"];
  for (const text of hosts) assertEquals(isHostAddress(parseIpv4(text)), true, text);
  for (const text of others) assertEquals(isHostAddress(parseIpv4(text)), false, text);
});

Deno.test("prefixMask() has as many ones on top as the prefix is long", () => {
  assertEquals(formatIpv4(prefixMask(1)), "128.0.0.0");
  assertEquals(formatIpv4(prefixMask(24)), "255.255.255.0");
  assertEquals(formatIpv4(prefixMask(32)), "255.255.255.255");
});
