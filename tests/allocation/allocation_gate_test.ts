import { assertEquals, assertGreater } from "@std/assert";
import { tapTest } from "../linux/network_namespace.ts";
import { collections, fewestCollections } from "./collections.ts";

const PROGRAM = "run_packets.ts";

const DEVICES = [
  "virtio",
  "virtio-indirect",
  "virtio-packed",
  "virtio-packed-indirect",
  "vhost-user",
  "vhost-user-packed",
  ...["ranges", "e100", "stream", "tap", "loopback"],
];

for (const device of DEVICES) {
  const test = device === "tap" ? tapTest : Deno.test;
  test(`a million packets over ${device} cause no garbage collection`, async () => {
    assertEquals(await fewestCollections(PROGRAM, device), []);
  });

  test(`one object a packet over ${device} is noticed`, async () => {
    assertGreater((await collections(PROGRAM, device, "plant")).length, 0);
  });
}
