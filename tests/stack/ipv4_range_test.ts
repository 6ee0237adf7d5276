import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import { countAddresses } from "../../stack/address_range.ts";
import { formatIpv4Ranges, hostAddresses, parseIpv4Ranges } from "../../stack/ipv4_range.ts";

/** What becomes of a text, and how many addresses a host with it has. */
function read(text: string): [string, number] {
  const ranges = parseIpv4Ranges(text);
  return [formatIpv4Ranges(ranges), countAddresses(hostAddresses(ranges))];
}

Deno.test("one address is as it always was", () => {
  assertEquals(read("10.0.2.15/24"), ["10.0.2.15/24", 1]);
  assertEquals(read("192.0.2.0/31"), ["192.0.2.0/31", 1]);
  assertEquals(read("192.0.2.5/32"), ["192.0.2.5/32", 1]);
});

Deno.test("a range without a prefix is in the smallest subnet that has it between its ends", () => {
  assertEquals(read("10.9.0.0-10.9.255.255"), ["10.9.0.0-10.9.255.255/14", 65_536]);
  assertEquals(read("10.9.0.1-10.9.255.254"), ["10.9.0.1-10.9.255.254/16", 65_534]);
  assertEquals(read("192.0.2.10-192.0.2.20"), ["192.0.2.10-192.0.2.20/27", 11]);
  assertEquals(read("192.0.2.4-192.0.2.5"), ["192.0.2.4-192.0.2.5/31", 2]);
  assertEquals(read("192.0.2.5-192.0.2.6"), ["192.0.2.5-192.0.2.6/30", 2]);
  assertEquals(read("192.0.2.5-192.0.2.5"), ["192.0.2.5/32", 1]);
  assertEquals(read("1.0.0.0-126.255.255.255"), ["1.0.0.0-126.255.255.255/1", 126 * 2 ** 24]);
  assertEquals(read("128.0.0.0-223.0.0.0")[0], "128.0.0.1-223.0.0.0/1");
});

Deno.test("of a range that takes in the ends of its subnet these are left out", () => {
  assertEquals(read("10.9.0.0-10.9.255.255/16"), ["10.9.0.1-10.9.255.254/16", 65_534]);
  assertEquals(read("10.9.0.0-10.9.255.255/8"), ["10.9.0.0-10.9.255.255/8", 65_536]);
  assertEquals(read("192.0.2.0-192.0.2.1/31"), ["192.0.2.0-192.0.2.1/31", 2]);
});

Deno.test("a list has them in their order; what is in it twice counts once", () => {
  assertEquals(read("10.0.2.15/24,10.0.2.20-10.0.2.29/24,10.0.2.25-10.0.2.34/24"), [
    "10.0.2.15/24,10.0.2.20-10.0.2.29/24,10.0.2.25-10.0.2.34/24",
    16,
  ]);
});

Deno.test("network and broadcast addresses of one subnet are no host's in another", () => {
  assertEquals(read("10.0.2.15/24,10.0.0.1-10.0.255.255/8")[1], 65_535 - 2);
});

Deno.test("what it prints it reads again", () => {
  for (
    const text of ["10.0.2.15/24", "10.9.0.0-10.9.255.255", "10.9.0.0-10.9.255.255/16,9.0.0.1/8"]
  ) {
    const ranges = parseIpv4Ranges(text);
    assertEquals(parseIpv4Ranges(formatIpv4Ranges(ranges)), ranges);
  }
});

Deno.test("a text that is none says which part is wrong, and why", () => {
  const reasons: Readonly<Record<string, string>> = {
    "": "prefix length is missing",
    "10.0.2.15": "prefix length is missing",
    "10.0.2.15/24,": "prefix length is missing",
    "10.0.2.15,10.0.2.16/24": '"10.0.2.15": its prefix length is missing',
    "10.0.2.15-": '""',
    "-10.0.2.15": '""',
    "10.0.2.15-20/24": '"20"',
    "10.0.2.15-10.0.2.x": '"x"',
    "10.0.2.15/24-10.0.2.20/24": "two with a dash",
    "10.0.2.1-10.0.2.2-10.0.2.3": "two with a dash",
    "10.0.2.20-10.0.2.15": "the first one is above the last one",
    "200.0.0.1-10.0.0.1": "the first one is above the last one",
    "10.0.2.1-10.0.3.1/24": "10.0.3.1 is outside 10.0.2.0/24",
    "10.0.2.1-10.0.2.9/0": "prefix length 0",
    "10.0.2.1-10.0.2.9/33": "prefix length 33",
    "10.0.2.0-10.0.2.0/24": "there's no other",
    "0.0.0.1-1.0.0.0": "0/8",
    "126.0.0.1-128.0.0.1": "127/8 is loopback",
    "223.0.0.1-224.0.0.1": "multicast",
    "240.0.0.1-240.0.0.9": "reserved",
  };
  for (const [text, reason] of Object.entries(reasons)) {
    assertThrows(() => parseIpv4Ranges(text), AddressError, reason, text);
  }
});
