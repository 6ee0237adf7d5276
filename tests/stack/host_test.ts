import { assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../stack/address_error.ts";
import { arpFrame, echoFrame, ip, mac } from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";

Deno.test("a netbuf without room for a padded reply behind options is dropped", () => {
  const fixture = new HostFixture({}, 4, 128);
  assertEquals(fixture.deliver(arpFrame()).reason, "netbuf_too_small");
  const wide = new HostFixture({}, 4, 192);
  assertEquals(wide.deliver(arpFrame()).reason, null);
});

Deno.test("an announcement does not fit a netbuf that ends before 60 bytes", () => {
  const fixture = new HostFixture({}, 1);
  const netbuf = fixture.pool.alloc();
  if (netbuf === null) throw new Error("the pool is dry");
  netbuf.data = netbuf.end - 58;
  fixture.alloc = () => netbuf;
  fixture.host.announce(0);
  assertEquals(fixture.host.counters().drops, { netbuf_too_small: 1 });
  fixture.assertPoolWhole();
});

Deno.test("a configuration that cannot work is refused with the reason", () => {
  const refused = (
    config: ConstructorParameters<typeof HostFixture>[0],
    message: string,
  ): AddressError => assertThrows(() => new HostFixture(config), AddressError, message);
  refused({ mac: mac("01:00:00:00:00:01") }, "group");
  refused({ mac: new Uint8Array(6) }, "zero");
  refused({ mac: new Uint8Array(4) }, "4 bytes");
  refused({ address: ip("10.0.2.255") }, "broadcast");
  refused({ prefixLength: 0 }, "prefix length 0");
  refused({ gateway: ip("10.0.3.1") }, "outside");
  assertThrows(() => new HostFixture({ mtu: 67 }), RangeError, "67");
  assertThrows(() => new HostFixture({ mtu: 65_536 }), RangeError, "65536");
  assertThrows(() => new HostFixture({ mtu: 1499.5 }), RangeError, "1499.5");
});

Deno.test("the MAC address is copied: changing the configuration's later has no effect", () => {
  const config = { mac: mac("02:75:0a:00:02:0f") };
  const fixture = new HostFixture(config);
  config.mac.fill(0x42);
  assertEquals(fixture.deliver(echoFrame()).reason, null);
});
