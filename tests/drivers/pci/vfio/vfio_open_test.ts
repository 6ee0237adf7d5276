import { assertEquals, assertThrows } from "@std/assert";
import { VfioContainer } from "../../../../drivers/pci/vfio/vfio_container.ts";
import { VfioError } from "../../../../drivers/pci/vfio/vfio_error.ts";
import { notViable, VfioGroup } from "../../../../drivers/pci/vfio/vfio_group.ts";

Deno.test("without vfio's file the error says how to load vfio", () => {
  assertThrows(() => new VfioContainer("/dev/vfio/no-such"), VfioError, "modprobe vfio-pci");
});

Deno.test("without a group's file the error says what isn't bound", () => {
  const open = (): VfioGroup => new VfioGroup(7, () => null, "/dev/no-such");
  assertThrows(open, VfioError, "IOMMU group 7: /dev/no-such/7 isn't there");
});

Deno.test("a group that isn't viable is told of with who has the others", () => {
  assertEquals(
    notViable(7, "e1000e has 0000:00:05.0 of it"),
    "IOMMU group 7 can only be had as a whole, and e1000e has 0000:00:05.0 of it: " +
      "unbind that from its driver, or put the card into another slot",
  );
});
