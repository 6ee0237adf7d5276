import { assertEquals } from "@std/assert";
import { virtioPlaces } from "../../../drivers/mmio/places.ts";

Deno.test("places are those that the command line tells, in its order, on whatever side of --", () => {
  const firecracker = "reboot=k panic=1 virtio_mmio.device=4K@0xd0000000:5 " +
    "virtio_mmio.device=4K@0xd0001000:6";
  assertEquals(virtioPlaces(firecracker), [0xd000_0000, 0xd000_1000]);
  const microvm = "quiet -- run -A /app/init.js virtio_mmio.device=512@0xfeb00e00:12\n";
  assertEquals(virtioPlaces(microvm), [0xfeb0_0e00]);
  assertEquals(virtioPlaces("virtio_mmio.device=512@4273995776:12:3"), [0xfec0_0000]);
});

Deno.test("without any they are the 24 of a microvm", () => {
  for (
    const line of ["", "quiet", "xvirtio_mmio.device=4K@0xd0000000:5", "virtio_mmio.device=4K"]
  ) {
    const places = virtioPlaces(line);
    assertEquals([places.length, places[0], places[7], places[23]], [
      24,
      0xfeb0_0000,
      0xfeb0_0e00,
      0xfeb0_2e00,
    ], line);
  }
});
