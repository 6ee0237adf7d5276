import { assertEquals, assertThrows } from "@std/assert";
import { allocPlainDevice, PlainNetdev } from "../../../drivers/plain/plain_netdev.ts";
import type { NetDevice } from "../../../netdev/net_device.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { FakeDriver } from "../../netdev/fake_driver.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

class Plain extends PlainNetdev {
  readonly device: NetDevice;

  constructor(mac: Uint8Array, mtu: number) {
    super(mac);
    this.device = allocPlainDevice("plain", new FakeDriver(), mtu, 9000);
  }
}

Deno.test("a buffer to receive into takes a frame of the MTU that the device began with, tagged", () => {
  const netdev = new Plain(MAC, 1500);
  netdev.device.mtu = 576;
  assertEquals(netdev.device.maxMtu, 1500);
  assertEquals(netdev.infoGet().minRxBufferBytes, 14 + 4 + 1500);
});

Deno.test("the MAC address is a copy of what the device was made with", () => {
  const mac = MAC.slice();
  const netdev = new Plain(mac, 1500);
  mac.fill(0xff);
  assertEquals(netdev.hwaddrGet(), MAC);
});

for (
  const { what, mac, mtu } of [
    { what: "a MAC address of 5 bytes", mac: MAC.subarray(1), mtu: 1500 },
    { what: "a group address", mac: Uint8Array.of(1, 0, 0, 0, 0, 1), mtu: 1500 },
    { what: "a MAC address of zeroes", mac: new Uint8Array(6), mtu: 1500 },
    { what: "an MTU below IPv4's smallest", mac: MAC, mtu: 67 },
    { what: "an MTU above the limit", mac: MAC, mtu: 9001 },
    { what: "an MTU that is no whole number", mac: MAC, mtu: 1500.5 },
  ]
) {
  Deno.test(`${what} is EINVAL`, () => {
    const error = assertThrows(() => new Plain(mac, mtu), NetdevError);
    assertEquals(error.code, "EINVAL");
  });
}
