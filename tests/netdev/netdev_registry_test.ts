import { assert, assertEquals, assertThrows } from "@std/assert";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { allocEtherdev, type NetDevice, NetDeviceState } from "../../netdev/net_device.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { fakeDevice, FakeDriver, without } from "./fake_driver.ts";
import { refuses } from "./refuses.ts";

const MANDATORY: (keyof NetdevOps)[] = [
  "infoGet",
  "rxqInfoGet",
  "txqInfoGet",
  "configure",
  "poolCreate",
  "rxqConfigure",
  "txqConfigure",
  "start",
  "stop",
  "unconfigure",
  "close",
  "promiscuousGet",
  "rxBurst",
  "rxqStatus",
  "txBurst",
  "txqReclaim",
  "statsGet",
];

const OPTIONAL: (keyof NetdevOps)[] = [
  "probe",
  "hwaddrGet",
  "hwaddrSet",
  "mtuSet",
  "promiscuousSet",
  "linkGet",
  "einfoGet",
  "watchdog",
];

Deno.test("devices are numbered and named as they are registered", () => {
  const registry = new NetdevRegistry();
  assertEquals(registry.count(), 0);
  const first = registry.drvRegister(fakeDevice(new FakeDriver()));
  const second = registry.drvRegister(fakeDevice(new FakeDriver(), "other"));
  assertEquals(registry.count(), 2);
  assertEquals([first.id, first.name, first.driverName], [0, "net0", "fake"]);
  assertEquals([second.id, second.name, second.driverName], [1, "net1", "other"]);
  assert(registry.get(0) === first);
  assert(registry.get(1) === second);
});

Deno.test("a number without a device is refused", () => {
  const registry = new NetdevRegistry();
  registry.drvRegister(fakeDevice(new FakeDriver()));
  for (const id of [1, -1, 0.5, NaN]) {
    refuses("ENODEV", `no device ${id}: 1 are registered`, () => registry.get(id));
  }
});

Deno.test("a registered device waits to be probed, and its driver is left alone", () => {
  const driver = new FakeDriver();
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(driver));
  assertEquals(netdev.state, NetdevState.UNPROBED);
  assertEquals(driver.calls, []);
});

Deno.test("a driver with nothing to probe starts out as probed", () => {
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(without(new FakeDriver(), "probe")));
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
});

for (const op of MANDATORY) {
  Deno.test(`a driver without ${op} is not registered`, () => {
    const registry = new NetdevRegistry();
    refuses(
      "EINVAL",
      `driver fake lacks the mandatory op ${op}`,
      () => registry.drvRegister(fakeDevice(without(new FakeDriver(), op))),
    );
    assertEquals(registry.count(), 0);
  });
}

for (const op of OPTIONAL) {
  Deno.test(`a driver without ${op} is registered`, () => {
    const registry = new NetdevRegistry();
    registry.drvRegister(fakeDevice(without(new FakeDriver(), op)));
    assertEquals(registry.count(), 1);
  });
}

Deno.test("the interrupt ops come together or not at all", () => {
  const registry = new NetdevRegistry();
  for (const op of ["rxqIntrEnable", "rxqIntrDisable"] as const) {
    refuses(
      "EINVAL",
      "driver fake has one of rxqIntrEnable and rxqIntrDisable",
      () => registry.drvRegister(fakeDevice(without(new FakeDriver(), op))),
    );
  }
  assertEquals(registry.count(), 0);
  registry.drvRegister(fakeDevice(without(new FakeDriver(), "rxqIntrEnable", "rxqIntrDisable")));
  assertEquals(registry.count(), 1);
});

Deno.test("a refused driver takes no number", () => {
  const registry = new NetdevRegistry();
  assertThrows(() => registry.drvRegister(fakeDevice(without(new FakeDriver(), "start"))));
  assertEquals(registry.drvRegister(fakeDevice(new FakeDriver())).id, 0);
});

Deno.test("a closed device is unregistered, and its number is not given out again", () => {
  const registry = new NetdevRegistry();
  const first = registry.drvRegister(fakeDevice(new FakeDriver()));
  const second = registry.drvRegister(fakeDevice(new FakeDriver()));
  first.close();
  registry.drvUnregister(first);
  assertEquals(registry.count(), 1);
  refuses("ENODEV", "no device 0: 1 are registered", () => registry.get(0));
  assert(registry.get(1) === second);
  assertEquals(registry.drvRegister(fakeDevice(new FakeDriver())).id, 2);
});

Deno.test("a device without a name of its own is called by the lowest free number", () => {
  const registry = new NetdevRegistry();
  const [first, second] = [0, 1].map(() => registry.drvRegister(fakeDevice(new FakeDriver())));
  first.close();
  registry.drvUnregister(first);
  const third = registry.drvRegister(fakeDevice(new FakeDriver()));
  assertEquals([second.id, second.name], [1, "net1"]);
  assertEquals([third.id, third.name], [2, "net0"], "a name comes back, a number never");
});

Deno.test("a device has its name in one registry, and another registry has its own names", () => {
  const named = (name: string): NetDevice =>
    allocEtherdev({ driverName: "fake", priv: new FakeDriver(), name });
  const registry = new NetdevRegistry();
  const lan = registry.drvRegister(named("lan"));
  assertEquals(lan.name, "lan");
  const refused = named("lan");
  refuses(
    "EEXIST",
    'a device named "lan" is registered already',
    () => registry.drvRegister(refused),
  );
  assertEquals([refused.name, refused.state], ["lan", NetDeviceState.UNINITIALIZED]);
  assertEquals(new NetdevRegistry().drvRegister(refused).name, "lan");
  lan.close();
  registry.drvUnregister(lan);
  assertEquals(registry.drvRegister(named("lan")).id, 1);
});

Deno.test("a device is registered once", () => {
  const registry = new NetdevRegistry();
  const device = fakeDevice(new FakeDriver());
  assertEquals([device.name, device.state], ["net%d", NetDeviceState.UNINITIALIZED]);
  const netdev = registry.drvRegister(device);
  assertEquals([device.name, device.state], ["net0", NetDeviceState.REGISTERED]);
  for (const other of [registry, new NetdevRegistry()]) {
    refuses("EBUSY", "net0 is registered already", () => other.drvRegister(device));
  }
  netdev.close();
  registry.drvUnregister(netdev);
  assertEquals([device.name, device.state], ["net0", NetDeviceState.UNREGISTERED]);
  refuses(
    "EINVAL",
    "net0 was unregistered: allocate another device",
    () => registry.drvRegister(device),
  );
});

Deno.test("a device whose MTU is outside its limits isn't registered", () => {
  const device = fakeDevice(new FakeDriver());
  for (const mtu of [67, 1501, NaN]) {
    device.mtu = mtu;
    refuses(
      "EINVAL",
      `MTU ${mtu}: 68 to 1500 is possible`,
      () => new NetdevRegistry().drvRegister(device),
    );
  }
});

Deno.test("a device that is not closed stays registered", () => {
  const registry = new NetdevRegistry();
  const netdev = registry.drvRegister(fakeDevice(new FakeDriver()));
  refuses("EBUSY", "net0 is still open: close it first", () => registry.drvUnregister(netdev));
  netdev.probe();
  refuses("EBUSY", "net0 is still open", () => registry.drvUnregister(netdev));
  assert(registry.get(0) === netdev);
});

Deno.test("a device is unregistered once, and where it was registered", () => {
  const registry = new NetdevRegistry();
  const netdev = registry.drvRegister(fakeDevice(new FakeDriver()));
  const stranger = new NetdevRegistry().drvRegister(fakeDevice(new FakeDriver()));
  for (const closed of [netdev, stranger]) closed.close();
  refuses("ENODEV", "net0 is not registered here", () => registry.drvUnregister(stranger));
  registry.drvUnregister(netdev);
  refuses("ENODEV", "net0 is not registered here", () => registry.drvUnregister(netdev));
});
