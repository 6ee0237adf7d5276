import { assert, assertEquals } from "@std/assert";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver } from "./fake_driver.ts";

const DETAILS: NetdevDetails = {
  bus: "slot 3",
  rxRings: [256],
  txRings: [],
  features: { offered: ["A", "B"], negotiated: ["B"] },
  vectors: [{ name: "irq 4", use: "everything" }],
};

class TellingDriver extends FakeDriver {
  detailsGet(): NetdevDetails {
    return DETAILS;
  }
}

Deno.test("a driver tells what it knows of its device", () => {
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(new TellingDriver(), "telling"));
  netdev.probe();
  assert(netdev.detailsGet() === DETAILS);
});

Deno.test("a driver that knows nothing more has null told", () => {
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(new FakeDriver(), "quiet"));
  netdev.probe();
  assertEquals(netdev.detailsGet(), null);
});
