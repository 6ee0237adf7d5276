import { assert, assertEquals, assertThrows } from "@std/assert";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import {
  probeVirtioMmio,
  VirtioMmio,
  virtioMmioType,
} from "../../../drivers/virtio/virtio_mmio.ts";
import { virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { VIRTIO_F_VERSION_1, VirtioModel } from "../../device/virtio_model.ts";
import { VirtioMmioDevice, type VirtioMmioOptions } from "../../device/virtio_mmio_device.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_MRG_RXBUF,
  VirtioNetModel,
} from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { frame } from "./net_link.ts";

const ANY_LAYOUT = 1n << 27n;
const MODERN = NET_FEATURES | VIRTIO_NET_F_MRG_RXBUF;
const LEGACY = MODERN & ~VIRTIO_F_VERSION_1 | ANY_LAYOUT;

/** A network card behind virtio-mmio. */
class MmioLink {
  readonly model: VirtioNetModel;
  readonly device: VirtioMmioDevice;

  constructor(version: number, options: VirtioMmioOptions = {}) {
    this.model = new VirtioNetModel({ features: version === 1 ? LEGACY : MODERN });
    this.device = new VirtioMmioDevice(this.model, { version, ...options });
  }

  accesses(action: () => void): string[] {
    const { accesses } = this.device.registers;
    const before = accesses.length;
    action();
    return accesses.slice(before);
  }
}

/** A place without a device, where DeviceID is 0. */
function emptySlot(): VirtioMmioDevice {
  const model = new VirtioModel({
    deviceType: 0,
    features: 0n,
    config: new Uint8Array(0),
    queueSizes: [],
    memoryBytes: 1 << 16,
  });
  return new VirtioMmioDevice(model);
}

Deno.test("what isn't virtio-mmio, of another version, or too short is a VirtioError", () => {
  const open = (options: VirtioMmioOptions) => new VirtioMmio(new MmioLink(2, options).device);
  assertThrows(() => open({ magic: 0x7472_6977 }), VirtioError, "its magic is 0x74726977");
  assertThrows(() => open({ version: 3 }), VirtioError, "version 3 of virtio-mmio");
  assertThrows(() => open({ version: 0 }), VirtioError, "version 0 of virtio-mmio");
  assertThrows(() => open({ byteLength: 0xfc }), VirtioError, "too few");
});

Deno.test("empty places are passed over", () => {
  const link = new MmioLink(2);
  const registry = new NetdevRegistry();
  const bus = new VirtioBus(new FakeClock(0, 1));
  bus.registerDriver(virtioNetDriver(registry));
  const found = probeVirtioMmio(bus, [emptySlot(), link.device, emptySlot()]);
  assertEquals([found.length, registry.count()], [1, 1]);
  assertEquals(found[0].deviceType, 1);
});

for (const version of [1, 2]) {
  const legacy = version === 1;

  Deno.test(`version ${version}: the transport says what it is`, () => {
    const transport = new VirtioMmio(new MmioLink(version).device);
    assertEquals([transport.kind, transport.legacy], [`virtio-mmio version ${version}`, legacy]);
    assertEquals([transport.ringAlign, transport.queueCount], [legacy ? 4096 : null, 2]);
    assertEquals([transport.configLength, transport.configGeneration()], [256, legacy ? null : 0]);
  });

  Deno.test(`version ${version}: from registers to packets both ways, and again after a reset`, async () => {
    const link = new MmioLink(version);
    const registry = new NetdevRegistry();
    const links: boolean[] = [];
    const bus = new VirtioBus(new FakeClock(0, 1));
    const onLink = (up: boolean): void => void links.push(up);
    bus.registerDriver(virtioNetDriver(registry, undefined, { onLink }));
    const [transport] = probeVirtioMmio(bus, [link.device]);
    const netdev = registry.get(0);
    netdev.probe();
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    const pool = netdev.poolCreate({ count: 32 });
    let events = 0;
    netdev.rxqConfigure(0, 4, { pool, onEvent: () => events++ });
    netdev.txqConfigure(0, 8);
    for (let round = 1; round <= 2; round++) {
      netdev.start();
      assertEquals(link.model.accepted, legacy ? LEGACY : MODERN);
      assertEquals([link.model.rx.size, link.model.tx.size], [4, 8]);
      assertEquals(link.model.kicks(0) > 0, true);
      link.model.receive(frame(60, round));
      assert(link.device.interrupt(1));
      assertEquals([events, link.device.pending], [round, 0]);
      const netbufs: Netbuf[] = [];
      assertEquals(netdev.rxBurst(0, netbufs, 8), 1);
      assertEquals(packetBytes(netbufs[0]), [...frame(60, round)]);
      netdev.txBurst(0, netbufs, 0, 1);
      assertEquals(link.model.transmit().map((sent) => sent.frame), [[...frame(60, round)]]);
      netdev.stop();
    }
    netdev.start();
    link.model.setLink(false);
    assert(link.device.interrupt(2));
    assertEquals(links, [], "not in the interrupt");
    await Promise.resolve();
    assertEquals(links, [false]);
    bus.removeDevice(transport);
    transport.shutdown();
    assertEquals([pool.available, link.device.line.connected], [32, false]);
    assertEquals(link.model.statusRead(), 0);
  });

  Deno.test(`version ${version}: an interrupt is acknowledged before queues are looked at, and denied when it's another's`, () => {
    const link = new MmioLink(version);
    const transport = new VirtioMmio(link.device);
    const pending: number[] = [];
    transport.interruptsConnect(() => {}, [() => pending.push(link.device.pending), null]);
    assertEquals(transport.interruptMode, "wire");
    assertEquals(transport.vectors, [{ name: "wire", config: true, queues: [0] }]);
    const accesses = link.accesses(() => assert(link.device.interrupt(1)));
    assertEquals([accesses, pending], [["read32 0x60", "write32 0x64 0x1"], [0]]);
    assertEquals(link.accesses(() => assert(!link.device.interrupt(0))), ["read32 0x60"]);
  });

  Deno.test(`version ${version}: a queue that is in use already is a VirtioError`, () => {
    const transport = new VirtioMmio(new MmioLink(version).device);
    const { addresses } = new SplitVirtqueue(transport.dma, 4, false, transport);
    transport.queueEnable(0, addresses);
    assertThrows(() => transport.queueEnable(0, addresses), VirtioError, "in use already");
  });

  Deno.test(`version ${version}: a device is present until its registers read as all ones`, () => {
    const link = new MmioLink(version);
    const transport = new VirtioMmio(link.device);
    assert(transport.present());
    link.model.gone = true;
    assert(!transport.present());
  });

  Deno.test(`version ${version}: configuration beyond the registers is a VirtioError`, () => {
    const transport = new VirtioMmio(new MmioLink(version).device);
    assertEquals(transport.configRead(0, 2), 0x5452);
    assertThrows(() => transport.configRead(255, 2), VirtioError, "no configuration");
  });
}

Deno.test("version 2: a queue gets its three addresses as halves, and is made ready last", () => {
  const link = new MmioLink(2);
  const transport = new VirtioMmio(link.device);
  const { addresses } = new SplitVirtqueue(transport.dma, 4, false);
  const accesses = link.accesses(() => transport.queueEnable(1, addresses));
  assertEquals(accesses.map((access) => access.split(" ").slice(0, 2).join(" ")), [
    "write32 0x30",
    "read32 0x44",
    "write32 0x38",
    ...["0x80", "0x84", "0x90", "0x94", "0xa0", "0xa4", "0x44"].map((at) => `write32 ${at}`),
  ]);
});

Deno.test("version 1: a queue gets the size of a page, its alignment, and its page last", () => {
  const link = new MmioLink(1);
  const transport = new VirtioMmio(link.device);
  const { addresses } = new SplitVirtqueue(transport.dma, 4, false, transport);
  const accesses = link.accesses(() => transport.queueEnable(1, addresses));
  assertEquals(accesses, [
    "write32 0x30 0x1",
    "read32 0x40",
    "write32 0x38 0x4",
    "write32 0x28 0x1000",
    "write32 0x3c 0x1000",
    `write32 0x40 0x${(addresses.descriptorArea / 4096).toString(16)}`,
  ]);
  const beside = { ...addresses, descriptorArea: addresses.descriptorArea + 64 };
  assertThrows(() => transport.queueEnable(0, beside), VirtioError, "no page number");
});

Deno.test("a doorbell is one write of the queue's number", () => {
  const link = new MmioLink(2);
  const transport = new VirtioMmio(link.device);
  const { addresses } = new SplitVirtqueue(transport.dma, 4, false);
  const doorbell = transport.queueEnable(1, addresses);
  transport.statusWrite(15);
  assertEquals(link.accesses(() => doorbell.ring()), ["write32 0x50 0x1"]);
  assertEquals(link.model.kicks(1), 1);
});

Deno.test("without its wire a device is polled, and says so", () => {
  const link = new MmioLink(2);
  const transport = new VirtioMmio(link.device, false);
  transport.interruptsConnect(() => {}, [() => {}, null]);
  assertEquals([transport.interruptMode, transport.vectors], ["polling", []]);
  assertEquals(link.device.line.connected, false);
});

Deno.test("a device that has no wire to begin with is polled, and lets itself be let go of", () => {
  const { name, registers, dma } = new MmioLink(2).device;
  const transport = new VirtioMmio({ name, registers, dma, line: null });
  transport.interruptsConnect(() => {}, [() => {}, null]);
  assertEquals([transport.interruptMode, transport.vectors], ["polling", []]);
  transport.interruptsDisconnect();
  transport.shutdown();
});

Deno.test("the type of a device is known by its registers, and 0 where there's none", () => {
  assertEquals(virtioMmioType(new MmioLink(2).device.registers), 1);
  assertEquals(virtioMmioType(emptySlot().registers), 0);
  assertEquals(virtioMmioType(new MmioLink(2, { magic: 0xffff_ffff }).device.registers), 0);
});
