import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import { Ipv4Interface } from "../../stack/ipv4_interface.ts";
import { parseIpv4Ranges } from "../../stack/ipv4_range.ts";
import { ip } from "./frames.ts";

function make(address: string, prefixLength: number, gateway: string | null): Ipv4Interface {
  return new Ipv4Interface(ip(address), prefixLength, gateway === null ? null : ip(gateway));
}

/** One with all of these addresses, as `--ip` takes them; it sends from the first. */
function makeOf(text: string, gateway: string | null = null): Ipv4Interface {
  const ranges = parseIpv4Ranges(text);
  const [{ first, prefixLength }] = ranges;
  return new Ipv4Interface(first, prefixLength, gateway === null ? null : ip(gateway), ranges);
}

Deno.test("the next hop is the destination on the subnet, else the gateway", () => {
  const withGateway = make("10.0.2.15", 24, "10.0.2.2");
  assertEquals(withGateway.nextHop(ip("10.0.2.77")), ip("10.0.2.77"));
  assertEquals(withGateway.nextHop(ip("10.0.3.77")), ip("10.0.2.2"));
  assertEquals(withGateway.nextHop(ip("192.0.2.1")), ip("10.0.2.2"));
  assertEquals(make("10.0.2.15", 24, null).nextHop(ip("10.0.3.77")), 0);
});

Deno.test("there is no way to ourselves, nor to what no host can have", () => {
  const ipv4Interface = make("10.0.2.15", 24, "10.0.2.2");
  for (
    const text of [
      "10.0.2.15",
      "10.0.2.0",
      "10.0.2.255",
      "255.255.255.255",
      "224.0.0.1",
      "240.0.0.1",
      "127.0.0.1",
      "0.0.0.0",
    ]
  ) {
    assertEquals(ipv4Interface.nextHop(ip(text)), 0, text);
  }
});

Deno.test("a /31 has two hosts and no broadcast address of its own", () => {
  const ipv4Interface = make("192.0.2.0", 31, "192.0.2.1");
  assertEquals(ipv4Interface.nextHop(ip("192.0.2.1")), ip("192.0.2.1"));
  assertEquals(ipv4Interface.isBroadcast(ip("192.0.2.1")), false);
  assertEquals(ipv4Interface.isBroadcast(ip("255.255.255.255")), true);
});

Deno.test("a /32 reaches everybody through a gateway outside itself", () => {
  const ipv4Interface = make("192.0.2.5", 32, "10.0.0.1");
  assertEquals(ipv4Interface.nextHop(ip("192.0.2.6")), ip("10.0.0.1"));
  assertEquals(ipv4Interface.nextHop(ip("10.0.0.1")), ip("10.0.0.1"));
  assertEquals(ipv4Interface.isOnLink(ip("10.0.0.1")), true);
});

Deno.test("a gateway that cannot be reached is refused", () => {
  assertThrows(() => make("10.0.2.15", 24, "10.0.3.2"), AddressError, "10.0.3.2: outside 10.0.2.0");
  assertThrows(() => make("10.0.2.15", 24, "10.0.2.15"), AddressError, "our own address");
  assertThrows(() => make("10.0.2.15", 24, "10.0.2.255"), AddressError, "broadcast");
  assertThrows(() => make("10.0.2.15", 24, "127.0.0.1"), AddressError, "loopback");
  assertThrows(() => make("10.0.2.0", 24, null), AddressError, "the subnet itself");
});

Deno.test("each address of a range is our own, and nothing outside", () => {
  const many = makeOf("10.9.0.0-10.9.255.255", "10.8.0.1");
  for (const text of ["10.9.0.0", "10.9.1.2", "10.9.127.255", "10.9.255.255"]) {
    assertEquals(many.isOwn(ip(text)), true, text);
    assertEquals(many.nextHop(ip(text)), 0, text);
  }
  for (const text of ["10.8.255.255", "10.10.0.0", "138.9.0.1", "0.0.0.0", "255.255.255.255"]) {
    assertEquals(many.isOwn(ip(text)), false, text);
  }
  assertEquals([many.address, many.singles], [ip("10.9.0.0"), []]);
  assertEquals(many.nextHop(ip("10.10.0.0")), ip("10.10.0.0"));
  assertEquals(many.nextHop(ip("10.12.0.0")), ip("10.8.0.1"));
});

Deno.test("single addresses are told from ranges, each once", () => {
  const { address, singles } = makeOf(
    "10.0.2.15/24,10.0.2.20-10.0.2.29/24,10.0.2.16/24,10.0.2.15/24",
  );
  assertEquals([address, singles], [ip("10.0.2.15"), [ip("10.0.2.15"), ip("10.0.2.16")]]);
});

Deno.test("with addresses in several subnets, each is on the link and has its broadcast address", () => {
  const several = makeOf("10.0.2.15/24,192.0.2.1-192.0.2.9/28,198.51.100.7/32", "192.0.2.14");
  assertEquals(several.nextHop(ip("10.0.2.77")), ip("10.0.2.77"));
  assertEquals(several.nextHop(ip("192.0.2.12")), ip("192.0.2.12"));
  assertEquals(several.nextHop(ip("192.0.2.77")), ip("192.0.2.14"));
  for (const text of ["10.0.2.255", "192.0.2.15", "255.255.255.255"]) {
    assertEquals([several.isBroadcast(ip(text)), several.isUnicast(ip(text))], [true, false], text);
  }
  for (const text of ["10.0.2.0", "192.0.2.0"]) {
    assertEquals(
      [several.isBroadcast(ip(text)), several.isUnicast(ip(text))],
      [false, false],
      text,
    );
  }
  assertEquals(several.isUnicast(ip("198.51.100.255")), true);
});

Deno.test("a gateway is on one of the subnets, and none of our addresses", () => {
  const text = "10.0.2.15/24,192.0.2.1-192.0.2.9/28";
  assertEquals(makeOf(text, "10.0.2.2").gateway, ip("10.0.2.2"));
  assertThrows(() => makeOf(text, "192.0.2.5"), AddressError, "our own address");
  assertThrows(() => makeOf(text, "192.0.2.15"), AddressError, "broadcast");
  const outside = "192.0.2.16: outside 10.0.2.0/24 and 192.0.2.0/28";
  assertThrows(() => makeOf(text, "192.0.2.16"), AddressError, outside);
});

Deno.test("another subnet's network and broadcast addresses are left out of a range, or refused", () => {
  const many = makeOf("10.0.2.15/24,10.0.0.0-10.0.255.255/8");
  assertEquals(
    ["10.0.2.0", "10.0.2.1", "10.0.2.254", "10.0.2.255", "10.0.3.0"].map((text) => (
      many.isOwn(ip(text))
    )),
    [false, true, true, false, true],
  );
  assertThrows(
    () => makeOf("10.0.2.15/24,10.0.2.255/16"),
    AddressError,
    "10.0.2.255: another subnet",
  );
});
