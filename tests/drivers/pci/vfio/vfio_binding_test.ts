import { assertEquals, assertThrows } from "@std/assert";
import { VfioBinder } from "../../../../drivers/pci/vfio/vfio_binding.ts";
import { VfioError } from "../../../../drivers/pci/vfio/vfio_error.ts";
import { FakeSysfs, type FakeSysfsFunction } from "../../../device/fake_sysfs.ts";

const NAME = "0000:00:04.0";
const OTHER = "0000:00:05.0";
const UP = 0x1003;
const DOWN = 0x1002;

/** What binding the function fails with, in a machine that has these; nothing has changed then. */
function refusal(functions: Readonly<Record<string, FakeSysfsFunction>>): string {
  using sysfs = new FakeSysfs(functions);
  return refusalOf(sysfs);
}

function refusalOf(sysfs: FakeSysfs): string {
  const before = [sysfs.driver(NAME), sysfs.driverOverride(NAME)];
  const { message } = assertThrows(() => new VfioBinder(sysfs).bind(NAME), VfioError);
  assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], before);
  return message;
}

function includes(message: string, ...parts: readonly string[]): void {
  assertEquals(parts.filter((part) => !message.includes(part)), [], message);
}

Deno.test("a function without a driver is bound, and left without one", () => {
  using sysfs = new FakeSysfs({ [NAME]: { group: 7 } });
  const binding = new VfioBinder(sysfs).bind(NAME);
  assertEquals([binding.group, sysfs.driver(NAME)], [7, "vfio-pci"]);
  assertEquals(sysfs.calls.splice(0), ["override vfio-pci", "probe"]);
  binding.restore();
  assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], [null, null]);
  assertEquals(sysfs.calls, ["override null", "unbind from vfio-pci"]);
});

Deno.test("a function is taken from a driver whose interface is down, and given back to it", () => {
  for (const path of ["net/eth0", "virtio3/net/eth0"]) {
    const shown = { driver: "virtio-pci", interface: { path, flags: DOWN } };
    using sysfs = new FakeSysfs({ [NAME]: shown });
    const binding = new VfioBinder(sysfs).bind(NAME);
    assertEquals(sysfs.driver(NAME), "vfio-pci");
    binding.restore();
    assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], ["virtio-pci", null]);
  }
});

Deno.test("a function whose interface is up is left to the kernel", () => {
  for (const path of ["net/eth0", "virtio3/net/eth0"]) {
    const shown = { driver: "virtio-pci", interface: { path, flags: UP } };
    includes(refusal({ [NAME]: shown }), NAME, "interface eth0", "ip link set eth0 down");
  }
});

Deno.test("what vfio-pci has already is left to it afterwards", () => {
  using sysfs = new FakeSysfs({ [NAME]: { driver: "vfio-pci" } });
  const binding = new VfioBinder(sysfs).bind(NAME);
  binding.restore();
  binding.forget();
  assertEquals([sysfs.driver(NAME), sysfs.calls], ["vfio-pci", []]);
});

Deno.test("without an IOMMU it's said how to have one", () => {
  includes(refusal({ [NAME]: { group: null } }), NAME, "no IOMMU", "intel_iommu=on");
});

Deno.test("a function that isn't there is named", () => {
  includes(refusal({ [OTHER]: {} }), NAME, "isn't there");
});

Deno.test("a group isn't taken of which another function has a driver: both are named", () => {
  const other = { driver: "e1000e", group: 1 };
  includes(refusal({ [NAME]: {}, [OTHER]: other }), "IOMMU group 1", `e1000e has ${OTHER}`);
});

Deno.test("functions of the group without a driver, or with a harmless one, are no obstacle", () => {
  using sysfs = new FakeSysfs({
    [NAME]: {},
    [OTHER]: {},
    "0000:00:03.0": { driver: "pcieport" },
    "0000:00:06.0": { driver: "vfio-pci" },
    "0000:00:07.0": { driver: "e1000e", group: 2 },
  });
  assertEquals(new VfioBinder(sysfs).bind(NAME).group, 1);
});

Deno.test("when vfio-pci isn't loaded it's said how to load it", () => {
  using sysfs = new FakeSysfs({ [NAME]: {} });
  sysfs.removeDriver("vfio-pci");
  includes(refusalOf(sysfs), "modprobe vfio-pci");
});

Deno.test("when vfio-pci doesn't take it, its driver has it again", () => {
  using sysfs = new FakeSysfs({ [NAME]: { driver: "e1000e" } });
  sysfs.taking.delete("vfio-pci");
  includes(refusalOf(sysfs), NAME, "dmesg");
  assertEquals(sysfs.driver(NAME), "e1000e");
});

Deno.test("once the kernel has taken it back, only what it's bound to by name is undone", () => {
  using sysfs = new FakeSysfs({ [NAME]: { driver: "e1000e" } });
  const binding = new VfioBinder(sysfs).bind(NAME);
  sysfs.unbind(NAME);
  binding.forget();
  assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], [null, null]);
});

Deno.test("a function that was taken out needs nothing given back", () => {
  using sysfs = new FakeSysfs({ [NAME]: {} });
  const binding = new VfioBinder(sysfs).bind(NAME);
  sysfs.unplug(NAME);
  sysfs.calls.length = 0;
  binding.restore();
  binding.forget();
  assertEquals(sysfs.calls, []);
});

Deno.test("a function that has just come is vfio-pci's as soon as drivers are asked", () => {
  using sysfs = new FakeSysfs({ [NAME]: {} });
  const binder = new VfioBinder(sysfs);
  // The kernel offers it to none yet.
  sysfs.taking.clear();
  binder.expect(NAME);
  assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], [null, "vfio-pci"]);
  sysfs.taking.add("vfio-pci");
  sysfs.probe(NAME);
  const binding = binder.bind(NAME);
  assertEquals(sysfs.driver(NAME), "vfio-pci");
  binding.restore();
  assertEquals([sysfs.driver(NAME), sysfs.driverOverride(NAME)], [null, null]);
});

Deno.test("a function that came with a driver is left to that until it's bound", () => {
  using sysfs = new FakeSysfs({ [NAME]: { driver: "e1000e" } });
  new VfioBinder(sysfs).expect(NAME);
  assertEquals([sysfs.driver(NAME), sysfs.calls], ["e1000e", []]);
});
