import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import { Ipv4Interface } from "../../stack/ipv4_interface.ts";
import { ip } from "./frames.ts";

function make(address: string, prefixLength: number, gateway: string | null): Ipv4Interface {
  return new Ipv4Interface(ip(address), prefixLength, gateway === null ? null : ip(gateway));
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
