import { assertEquals, assertThrows } from "@std/assert";
import { formatWholePciAddress, type PciAddress } from "../../../../drivers/pci/pci_address.ts";
import { chooseCard, isNetworkCard } from "../../../../drivers/pci/vfio/choose_card.ts";
import { VfioError } from "../../../../drivers/pci/vfio/vfio_error.ts";
import { FakeSysfs, type FakeSysfsFunction } from "../../../device/fake_sysfs.ts";

const WANTED = [
  { vendorId: 0x1af4, deviceId: 0x1041, driverData: null },
  { vendorId: 0x1af4, deviceId: 0x1000, subdeviceId: 1, driverData: null },
];
const DISK = { classCode: 0x01_0000 };
const E1000E = { vendor: 0x8086, device: 0x10d3 };
const IN_USE = { interface: { path: "net/eth0", flags: 1 } };

function chosen(
  functions: Readonly<Record<string, FakeSysfsFunction>>,
  address: PciAddress | null = null,
): string {
  using sysfs = new FakeSysfs(functions);
  return formatWholePciAddress(chooseCard(sysfs, address, WANTED));
}

Deno.test("the first card that a driver wants is chosen, on whatever bus it is", () => {
  const functions = { "0000:00:02.0": DISK, "0000:00:03.0": E1000E };
  assertEquals(chosen({ ...functions, "0000:00:04.0": {} }), "0000:00:04.0");
  assertEquals(chosen({ ...functions, "10000:e1:1f.7": {} }), "10000:e1:1f.7");
  const transitional = { device: 0x1000, subsystemDevice: 1 };
  assertEquals(chosen({ "0000:00:05.0": transitional }), "0000:00:05.0");
});

Deno.test("one that the kernel uses is passed over, unless it's the only one", () => {
  assertEquals(chosen({ "0000:00:03.0": IN_USE, "0000:00:04.0": {} }), "0000:00:04.0");
  assertEquals(chosen({ "0000:00:03.0": IN_USE }), "0000:00:03.0");
});

Deno.test("a card that's asked for is taken if a driver wants it", () => {
  const address = { bus: 0, device: 4, function: 0 };
  assertEquals(chosen({ "0000:00:03.0": {}, "0000:00:04.0": {} }, address), "0000:00:04.0");
  const refusal = (functions: Readonly<Record<string, FakeSysfsFunction>>): string =>
    assertThrows(() => chosen(functions, address), VfioError).message;
  assertEquals(
    refusal({ "0000:00:04.0": E1000E }),
    "no driver wants the card 8086:10d3 at pci 0000:00:04.0",
  );
  assertEquals(refusal({}), "0000:00:04.0 isn't there: lspci -D shows what is");
});

Deno.test("a machine without such a card says what it has", () => {
  assertThrows(() => chosen({ "0000:00:02.0": DISK }), VfioError, "no network card on PCI");
  assertThrows(
    () => chosen({ "0000:00:03.0": E1000E }),
    VfioError,
    "no driver wants the card 8086:10d3 at pci 0000:00:03.0",
  );
});

Deno.test("a network card is known by its class; one that's gone is none", () => {
  using sysfs = new FakeSysfs({ "0000:00:02.0": DISK, "0000:00:04.0": {} });
  const names = ["0000:00:02.0", "0000:00:04.0", "0000:00:05.0"];
  assertEquals(names.map((name) => isNetworkCard(sysfs, name)), [false, true, false]);
});
