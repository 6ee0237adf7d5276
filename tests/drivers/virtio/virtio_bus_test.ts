import { assertEquals, assertThrows } from "@std/assert";
import { VirtioBus, type VirtioDriver } from "../../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { VirtioModel } from "../../device/virtio_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

function model(deviceType: number): VirtioModel {
  return new VirtioModel({
    deviceType,
    features: 0n,
    config: new Uint8Array(0),
    queueSizes: [],
    memoryBytes: 8192,
  });
}

function driver(deviceType: number, name: string, probed: string[]): VirtioDriver {
  return {
    name,
    deviceType,
    probe: () => probed.push(name),
    remove: (device) => probed.push(`${name} lets ${device.transport.name} go`),
  };
}

Deno.test("a device goes to the driver of its type, reset and acknowledged", () => {
  const probed: string[] = [];
  const bus = new VirtioBus(new FakeClock());
  bus.registerDriver(driver(2, "block", probed));
  const rng = model(4);
  bus.registerDriver({
    name: "rng",
    deviceType: 4,
    probe: (device) => probed.push(`rng at ${device.transport.name}: ${rng.calls}`),
    remove: () => {},
  });
  bus.addDevice(rng);
  assertEquals(probed, ["rng at model: status 0,status 1,status 3"]);
});

Deno.test("of two drivers for a type the first one has it", () => {
  const probed: string[] = [];
  const bus = new VirtioBus(new FakeClock());
  bus.registerDriver(driver(1, "first", probed));
  bus.registerDriver(driver(1, "second", probed));
  bus.addDevice(model(1));
  assertEquals(probed, ["first"]);
});

Deno.test("a device is taken from the driver that has it, once", () => {
  const probed: string[] = [];
  const bus = new VirtioBus(new FakeClock());
  bus.registerDriver(driver(1, "net", probed));
  const device = model(1);
  bus.addDevice(device);
  bus.removeDevice(model(1));
  assertEquals(probed, ["net"]);
  bus.removeDevice(device);
  bus.removeDevice(device);
  assertEquals(probed, ["net", "net lets model go"]);
});

Deno.test("a type without a driver is a VirtioError that names it, and the device is left alone", () => {
  const bus = new VirtioBus(new FakeClock());
  const stranger = model(42);
  assertThrows(() => bus.addDevice(stranger), VirtioError, "of type 42");
  assertEquals(stranger.calls, []);
});

Deno.test("an exception of the driver sets FAILED and goes on to the caller", () => {
  const bus = new VirtioBus(new FakeClock());
  const reason = new Error("not this one");
  bus.registerDriver({
    name: "picky",
    deviceType: 1,
    probe: () => {
      throw reason;
    },
    remove: () => {},
  });
  const device = model(1);
  assertEquals(assertThrows(() => bus.addDevice(device)), reason);
  assertEquals(device.calls, ["status 0", "status 1", "status 3", "status 131"]);
});

Deno.test("a device that can't be reset never gets to its driver", () => {
  const probed: string[] = [];
  const bus = new VirtioBus(new FakeClock(0, 1));
  bus.registerDriver(driver(1, "net", probed));
  const device = model(1);
  device.script = { resetReads: Infinity };
  assertThrows(() => bus.addDevice(device), VirtioError, "not reset");
  assertEquals(probed, []);
});
