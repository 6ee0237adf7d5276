import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VirtioDevice } from "../../../drivers/virtio/virtio_device.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_STATUS,
  VirtioNetModel,
} from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

function makeDevice(clock = new FakeClock()): {
  readonly model: VirtioNetModel;
  readonly device: VirtioDevice;
} {
  const model = new VirtioNetModel();
  return { model, device: new VirtioDevice(model, clock) };
}

Deno.test("status grows by one bit a step, in the order of §3.1.1, and features come before 8", () => {
  const { model, device } = makeDevice();
  device.reset();
  device.acknowledge();
  device.negotiate(NET_FEATURES);
  device.driverOk();
  assertEquals(model.calls, [
    "status 0",
    "status 1",
    "status 3",
    "features",
    "status 11",
    "status 15",
  ]);
});

Deno.test("what is accepted is both wanted and offered", () => {
  const { model, device } = makeDevice();
  device.reset();
  device.acknowledge();
  const accepted = device.negotiate(VIRTIO_NET_F_MTU | VIRTIO_NET_F_STATUS);
  assertEquals(accepted, VIRTIO_NET_F_STATUS);
  assertEquals(model.accepted, VIRTIO_NET_F_STATUS);
});

Deno.test("a device that takes FEATURES_OK back refuses the features, which are named", () => {
  const { model, device } = makeDevice();
  model.script = { acceptsFeatures: (features) => (features & VIRTIO_NET_F_STATUS) === 0n };
  device.reset();
  device.acknowledge();
  const error = assertThrows(() => device.negotiate(NET_FEATURES), VirtioError);
  for (const name of ["model", "MAC", "STATUS", "VERSION_1"]) {
    assertStringIncludes(error.message, name);
  }
});

Deno.test("reset() waits until the status reads 0", () => {
  const clock = new FakeClock();
  const { model, device } = makeDevice(clock);
  model.script = { resetReads: 100 };
  device.reset();
  assertEquals(model.statusRead(), 0);
  assert(clock.time < 1000);
});

Deno.test("a reset that never ends is a VirtioError after a second", () => {
  const clock = new FakeClock(5000, 1);
  const { model, device } = makeDevice(clock);
  model.script = { resetReads: Infinity };
  assertThrows(() => device.reset(), VirtioError, "model is not reset");
  assert(clock.time >= 6000 && clock.time < 6010);
});

Deno.test("a reset forgets the status: the next bit is set alone", () => {
  const { model, device } = makeDevice();
  device.reset();
  device.acknowledge();
  device.reset();
  device.acknowledge();
  assertEquals(model.calls.slice(-3), ["status 0", "status 1", "status 3"]);
});

Deno.test("FAILED is added to the bits that are set already (§2.1.1: none is cleared)", () => {
  const { model, device } = makeDevice();
  device.reset();
  device.acknowledge();
  device.fail();
  assertEquals(model.calls.at(-1), "status 131");
});

Deno.test("needsReset() tells what the device shows", () => {
  const { model, device } = makeDevice();
  device.reset();
  assertEquals(device.needsReset(), false);
  model.needReset();
  assertEquals(device.needsReset(), true);
});

Deno.test("configuration that changes under a read is read again until it doesn't", () => {
  const { model, device } = makeDevice();
  let changes = 3;
  model.script = {
    onConfigRead: () => {
      if (changes-- <= 0) return;
      model.config[0]++;
      model.touchConfig();
    },
  };
  let reads = 0;
  const pair = device.readConfig((transport) => {
    reads++;
    return [transport.configRead(0, 1), transport.configRead(0, 1)];
  });
  assertEquals(pair, [0x55, 0x55]);
  assertEquals(reads, 3);
});

Deno.test("configuration that changes under every read is a VirtioError, in bounded time", () => {
  const { model, device } = makeDevice();
  model.script = { onConfigRead: () => model.touchConfig() };
  let reads = 0;
  assertThrows(
    () =>
      device.readConfig((transport) => {
        reads++;
        return transport.configRead(0, 1);
      }),
    VirtioError,
    "never stays the same",
  );
  assert(reads > 1 && reads < 1000);
});
