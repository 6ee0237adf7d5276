import { assertEquals } from "@std/assert";
import { parseModalias } from "../../../../drivers/pci/vfio/pci_sysfs.ts";
import { FakeSysfs } from "../../../device/fake_sysfs.ts";

Deno.test("a function's alias has all of its ids", () => {
  assertEquals(parseModalias("pci:v00001AF4d00001041sv00008086sd0000ABCDbc02sc80i07\n"), {
    vendorId: 0x1af4,
    deviceId: 0x1041,
    subsystemVendorId: 0x8086,
    subsystemId: 0xabcd,
    classCode: 0x02_8007,
  });
  for (const alias of ["", "\n", "usb:v1D6Bp0002d0601", "pci:v00001AF4d00001041"]) {
    assertEquals(parseModalias(alias), null);
  }
});

Deno.test("interfaces are found at the function and at the virtio device on it, up or down", () => {
  using sysfs = new FakeSysfs({
    "0000:00:01.0": { interface: { path: "net/eth0", flags: 0x1003 } },
    "0000:00:02.0": { interface: { path: "virtio12/net/enp0s2", flags: 0x1002 } },
    "0000:00:03.0": {},
  });
  assertEquals(sysfs.interfaces("0000:00:01.0"), [{ name: "eth0", isUp: true }]);
  assertEquals(sysfs.interfaces("0000:00:02.0"), [{ name: "enp0s2", isUp: false }]);
  assertEquals(sysfs.interfaces("0000:00:03.0"), []);
  assertEquals(sysfs.interfaces("0000:00:04.0"), []);
});

Deno.test("an override that is none reads as none", () => {
  using sysfs = new FakeSysfs({ "0000:00:01.0": {} });
  assertEquals(sysfs.driverOverride("0000:00:01.0"), null);
  sysfs.setDriverOverride("0000:00:01.0", "vfio-pci");
  assertEquals(sysfs.driverOverride("0000:00:01.0"), "vfio-pci");
});
