import { assert, assertEquals, assertThrows } from "@std/assert";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { FakeDriver, without } from "./fake_driver.ts";

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
  "mtuGet",
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
  "watchdog",
];

function refuses(code: string, message: string, call: () => void): void {
  const error = assertThrows(call, NetdevError, message);
  assertEquals(error.code, code);
}

Deno.test("devices are numbered and named as they are registered", () => {
  const registry = new NetdevRegistry();
  assertEquals(registry.count(), 0);
  const first = registry.drvRegister(new FakeDriver(), "fake");
  const second = registry.drvRegister(new FakeDriver(), "other");
  assertEquals(registry.count(), 2);
  assertEquals([first.id, first.name, first.driverName], [0, "net0", "fake"]);
  assertEquals([second.id, second.name, second.driverName], [1, "net1", "other"]);
  assert(registry.get(0) === first);
  assert(registry.get(1) === second);
});

Deno.test("a number without a device is refused", () => {
  const registry = new NetdevRegistry();
  registry.drvRegister(new FakeDriver(), "fake");
  for (const id of [1, -1, 0.5, NaN]) {
    refuses("ENODEV", `no device ${id}: 1 are registered`, () => registry.get(id));
  }
});

Deno.test("a registered device waits to be probed, and its driver is left alone", () => {
  const driver = new FakeDriver();
  const netdev = new NetdevRegistry().drvRegister(driver, "fake");
  assertEquals(netdev.state, NetdevState.UNPROBED);
  assertEquals(driver.calls, []);
});

Deno.test("a driver with nothing to probe starts out as probed", () => {
  const netdev = new NetdevRegistry().drvRegister(without(new FakeDriver(), "probe"), "fake");
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
});

for (const op of MANDATORY) {
  Deno.test(`a driver without ${op} is not registered`, () => {
    const registry = new NetdevRegistry();
    refuses(
      "EINVAL",
      `driver fake lacks the mandatory op ${op}`,
      () => registry.drvRegister(without(new FakeDriver(), op), "fake"),
    );
    assertEquals(registry.count(), 0);
  });
}

for (const op of OPTIONAL) {
  Deno.test(`a driver without ${op} is registered`, () => {
    const registry = new NetdevRegistry();
    registry.drvRegister(without(new FakeDriver(), op), "fake");
    assertEquals(registry.count(), 1);
  });
}

Deno.test("the interrupt ops come together or not at all", () => {
  const registry = new NetdevRegistry();
  for (const op of ["rxqIntrEnable", "rxqIntrDisable"] as const) {
    refuses(
      "EINVAL",
      "driver fake has one of rxqIntrEnable and rxqIntrDisable",
      () => registry.drvRegister(without(new FakeDriver(), op), "fake"),
    );
  }
  assertEquals(registry.count(), 0);
  registry.drvRegister(without(new FakeDriver(), "rxqIntrEnable", "rxqIntrDisable"), "fake");
  assertEquals(registry.count(), 1);
});

Deno.test("a refused driver takes no number", () => {
  const registry = new NetdevRegistry();
  assertThrows(() => registry.drvRegister(without(new FakeDriver(), "start"), "fake"));
  assertEquals(registry.drvRegister(new FakeDriver(), "fake").id, 0);
});

Deno.test("a closed device is unregistered, and its number is not given out again", () => {
  const registry = new NetdevRegistry();
  const first = registry.drvRegister(new FakeDriver(), "fake");
  const second = registry.drvRegister(new FakeDriver(), "fake");
  first.close();
  registry.drvUnregister(first);
  assertEquals(registry.count(), 1);
  refuses("ENODEV", "no device 0: 1 are registered", () => registry.get(0));
  assert(registry.get(1) === second);
  assertEquals(registry.drvRegister(new FakeDriver(), "fake").id, 2);
});

Deno.test("a device that is not closed stays registered", () => {
  const registry = new NetdevRegistry();
  const netdev = registry.drvRegister(new FakeDriver(), "fake");
  refuses("EBUSY", "net0 is still open: close it first", () => registry.drvUnregister(netdev));
  netdev.probe();
  refuses("EBUSY", "net0 is still open", () => registry.drvUnregister(netdev));
  assert(registry.get(0) === netdev);
});

Deno.test("a device is unregistered once, and where it was registered", () => {
  const registry = new NetdevRegistry();
  const netdev = registry.drvRegister(new FakeDriver(), "fake");
  const stranger = new NetdevRegistry().drvRegister(new FakeDriver(), "fake");
  for (const closed of [netdev, stranger]) closed.close();
  refuses("ENODEV", "net0 is not registered here", () => registry.drvUnregister(stranger));
  registry.drvUnregister(netdev);
  refuses("ENODEV", "net0 is not registered here", () => registry.drvUnregister(netdev));
});
