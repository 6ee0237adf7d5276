import { assertEquals, assertThrows } from "@std/assert";
import { PciDevice } from "../../../../drivers/pci/pci_device.ts";
import { pirqInput, routePirqs } from "../../../../drivers/pci/qemu/piix_pirq.ts";
import { QemuError } from "../../../../drivers/pci/qemu/qemu_error.ts";
import { FakePciFunction } from "../../../device/fake_pci_function.ts";
import { FakePciHost } from "../../../device/fake_pci_host.ts";

/** A function in this slot that interrupts on this pin, 1 being INTA. */
function makeDevice(slot: number, pin: number): PciDevice {
  const host = new FakePciHost();
  const pci = new FakePciFunction({ vendorId: 0x8086, deviceId: 0x1229 });
  pci.space.write(0x3d, 1, pin);
  host.plug(slot, 0, pci);
  return new PciDevice(host, { bus: 0, device: slot, function: 0 });
}

Deno.test("the four wires go to four inputs, by registers 0x60 to 0x63 of the ISA bridge", () => {
  const writes: string[] = [];
  routePirqs({
    configWrite: ({ device, function: number }, offset, width, value) =>
      writes.push(`${device}.${number} ${offset.toString(16)}/${width} ${value}`),
  });
  assertEquals(writes, ["1.0 60/1 5", "1.0 61/1 7", "1.0 62/1 10", "1.0 63/1 11"]);
});

Deno.test("INTA of neighbours are different wires, of slots four apart the same", () => {
  const inputs = [1, 2, 3, 4, 5, 6, 31].map((slot) => pirqInput(makeDevice(slot, 1)));
  assertEquals(inputs, [5, 7, 10, 11, 5, 7, 10]);
});

Deno.test("the pins of a slot take turns, too", () => {
  assertEquals([1, 2, 3, 4].map((pin) => pirqInput(makeDevice(2, pin))), [7, 10, 11, 5]);
});

Deno.test("a function without a pin is a QemuError", () => {
  for (const pin of [0, 5, 0xff]) {
    assertThrows(() => pirqInput(makeDevice(2, pin)), QemuError, "00:02.0 has no interrupt pin");
  }
});
