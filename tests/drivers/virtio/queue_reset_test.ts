import { assert, assertEquals, assertThrows } from "@std/assert";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { VirtioDevice } from "../../../drivers/virtio/virtio_device.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { VirtioMmio } from "../../../drivers/virtio/virtio_mmio.ts";
import type { InterruptMode, VirtioTransport } from "../../../drivers/virtio/virtio_transport.ts";
import { probeVirtioNet } from "../../device/probe_virtio_net.ts";
import { VIRTIO_F_RING_RESET } from "../../device/ring_device.ts";
import { VirtioMmioDevice } from "../../device/virtio_mmio_device.ts";
import { VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import { NET_FEATURES, VirtioNetModel } from "../../device/virtio_net_model.ts";
import { COMMON_CFG, VIRTIO_CAPS } from "../../device/virtio_pci_function.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { frame } from "./net_link.ts";
import { VirtioPciLink } from "./virtio_pci_link.ts";

const FEATURES = NET_FEATURES | VIRTIO_F_RING_RESET;
const ANY_LAYOUT = 1n << 27n;
const QEMU_MMIO_VENDOR = 0x554d_4551;

/** Takes a device to where its queues live: queue 1 is enabled. */
function bringUp(transport: VirtioTransport): SplitVirtqueue<number> {
  const device = new VirtioDevice(transport, new FakeClock(0, 1));
  device.reset();
  device.acknowledge();
  device.negotiate(FEATURES);
  const vq = new SplitVirtqueue<number>(transport.dma, 4, false);
  transport.queueEnable(1, vq.addresses);
  device.driverOk();
  return vq;
}

Deno.test("virtio-pci: queue_reset is written and awaited, and what is enabled again is as before", () => {
  const link = new VirtioPciLink({ more: VIRTIO_F_RING_RESET });
  const transport = link.transport();
  const vq = bringUp(transport);
  link.model.script = { queueResetReads: 2 };
  const device = new VirtioDevice(transport, new FakeClock(0, 1));
  const select = "write16 0x16 0x1";
  assertEquals(link.accesses(() => device.resetQueue(1)), [
    ...[select, "write16 0x3a 0x1"],
    ...[select, "read16 0x3a"],
    ...[select, "read16 0x3a"],
    ...[select, "read16 0x3a", "read16 0x1c"],
  ]);
  assertThrows(() => link.model.ring(1), Error, "not enabled");
  transport.queueEnable(1, vq.addresses).ring();
  assertEquals([link.model.ring(1).size, link.model.kicks(1)], [4, 1]);
});

for (const mode of ["msi-x per queue", "msi-x shared", "intx"] satisfies InterruptMode[]) {
  Deno.test(`virtio-pci, ${mode}: a queue that was reset interrupts as before`, () => {
    const link = new VirtioPciLink({ more: VIRTIO_F_RING_RESET });
    const transport = link.transport([mode]);
    let heard = 0;
    transport.interruptsConnect(() => {}, [null, () => heard++]);
    // The reset of the device takes the vectors away.
    const vq = bringUp(transport);
    transport.interruptsConnect(() => {}, [null, () => heard++]);
    new VirtioDevice(transport, new FakeClock(0, 1)).resetQueue(1);
    transport.queueEnable(1, vq.addresses);
    if (mode === "intx") link.pci.pin(1);
    else link.model.interrupt(1);
    assertEquals(heard, 1);
  });
}

Deno.test("virtio-pci: a vector that isn't taken again is a VirtioError", () => {
  const link = new VirtioPciLink({ more: VIRTIO_F_RING_RESET });
  const transport = link.transport();
  bringUp(transport);
  transport.interruptsConnect(() => {}, [null, () => {}]);
  link.model.script = { takesVector: () => false };
  assertThrows(
    () => new VirtioDevice(transport, new FakeClock(0, 1)).resetQueue(1),
    VirtioError,
    "does not take MSI-X vector 2 for queue 1",
  );
});

Deno.test("virtio-pci: where the structure ends before queue_reset the feature isn't accepted", () => {
  const caps = VIRTIO_CAPS.map((cap) => cap.type === COMMON_CFG ? { ...cap, length: 0x38 } : cap);
  const link = new VirtioPciLink({ more: VIRTIO_F_RING_RESET, caps });
  const transport = link.transport();
  assertEquals(transport.queueReset, null);
  probeVirtioNet(transport);
  assertEquals(link.model.accepted, NET_FEATURES);
  assertThrows(
    () => new VirtioDevice(transport, new FakeClock()).resetQueue(1),
    VirtioError,
    "pci 00:02.0 can't reset queue 1 alone",
  );
});

Deno.test("virtio-pci: QEMU's device is known, as one that dies when a stuck queue is reset", () => {
  const link = new VirtioPciLink();
  assertEquals(link.transport().queueReset?.sparesStuck, true);
  const qemu = new VirtioPciLink();
  qemu.pci.space.write(0x2c, 2, 0x1af4);
  qemu.pci.space.write(0x2e, 2, 0x1100);
  assertEquals(qemu.transport().queueReset?.sparesStuck, false);
});

Deno.test("virtio-mmio 2: QueueReset is written and awaited, and the queue can be enabled again", () => {
  const model = new VirtioNetModel({ features: FEATURES });
  const slot = new VirtioMmioDevice(model);
  const transport = new VirtioMmio(slot);
  const vq = bringUp(transport);
  model.script = { queueResetReads: 1 };
  const { accesses } = slot.registers;
  const from = accesses.length;
  new VirtioDevice(transport, new FakeClock(0, 1)).resetQueue(1);
  const select = "write32 0x30 0x1";
  assertEquals(accesses.slice(from), [
    ...[select, "write32 0xc0 0x1"],
    // Not yet; and whether the device is still there.
    ...[select, "read32 0xc0", "read32 0x0"],
    ...[select, "read32 0xc0", "read32 0x44"],
  ]);
  transport.queueEnable(1, vq.addresses).ring();
  assertEquals([model.ring(1).size, model.kicks(1)], [4, 1]);
});

Deno.test("virtio-mmio 1, and QEMU's, have no register for it, and the feature isn't accepted", () => {
  const legacy = NET_FEATURES & ~VIRTIO_F_VERSION_1 | ANY_LAYOUT;
  for (
    const { features, ...options } of [{ features: legacy, version: 1 }, {
      features: FEATURES,
      vendor: QEMU_MMIO_VENDOR,
    }]
  ) {
    const model = new VirtioNetModel({ features });
    const transport = new VirtioMmio(new VirtioMmioDevice(model, options));
    assertEquals(transport.queueReset, null);
    probeVirtioNet(transport);
    assertEquals(model.accepted, features & ~VIRTIO_F_RING_RESET);
  }
});

for (const kind of ["virtio-pci", "virtio-mmio 2"]) {
  Deno.test(`${kind}: a network card's stuck transmit queue is reset through the registers`, () => {
    const link = new VirtioPciLink({ more: VIRTIO_F_RING_RESET });
    const mmio = new VirtioMmioDevice(link.model);
    const transport = kind === "virtio-pci" ? link.transport() : new VirtioMmio(mmio);
    const { netdev } = probeVirtioNet(transport);
    assertEquals(link.model.accepted, FEATURES);
    const pool = configureOnePair(netdev, 32);
    netdev.start();
    const send = (): void => {
      const netbuf = pool.alloc();
      assert(netbuf !== null);
      netbuf.region.u8.set(frame(60), netbuf.data);
      netbuf.length = 60;
      assertEquals(netdev.txBurst(0, [netbuf], 0, 1), 1);
    };
    netdev.watchdog(0);
    send();
    for (let look = 1; look <= 4; look++) netdev.watchdog(2000 * look);
    assertEquals([netdev.statsGet().drops.tx_timeout, pool.available], [1, 24]);
    send();
    assertEquals(link.model.transmit().map((sent) => sent.frame), [[...frame(60)]]);
    assert(link.model.receive(frame(60)));
    netdev.close();
    assertEquals(pool.available, 32);
  });
}
