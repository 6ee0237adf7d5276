import { assert, assertEquals, assertThrows } from "@std/assert";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import { NET_FEATURES, VIRTIO_NET_F_STATUS } from "../../device/virtio_net_model.ts";
import { DEVICE_CFG as DEVICE_CFG_TYPE, VIRTIO_CAPS } from "../../device/virtio_pci_function.ts";
import { VirtioPciLink } from "./virtio_pci_link.ts";

/** Offsets in BAR 4 at which the fake device has its structures. */
const DEVICE_CFG = 0x2000;
const NOTIFY_CFG = 0x3000;

Deno.test("the transport knows its place, its type, and how many queues there are", () => {
  const link = new VirtioPciLink({ queueSizes: [8, 8, 64] });
  const transport = link.transport();
  assertEquals([transport.name, transport.deviceType, transport.queueCount], ["pci 00:02.0", 1, 3]);
  assertEquals(transport.configLength, 0x1000);
  assertEquals(link.pci.window.accesses, ["read16 0x12"]);
});

Deno.test("the status is 8 bits wide", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  assertEquals(link.accesses(() => transport.statusWrite(1)), ["write8 0x14 0x1"]);
  assertEquals(link.accesses(() => assertEquals(transport.statusRead(), 1)), ["read8 0x14"]);
});

Deno.test("features are read and written 32 bits at a time, each half selected before", () => {
  const link = new VirtioPciLink({ features: 1n << 63n | NET_FEATURES | 1n });
  const transport = link.transport();
  const reads = link.accesses(() => {
    assertEquals(transport.deviceFeatures(), 1n << 63n | NET_FEATURES | 1n);
  });
  assertEquals(reads, ["write32 0x0 0x0", "read32 0x4", "write32 0x0 0x1", "read32 0x4"]);
  const accepted = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_STATUS;
  const writes = link.accesses(() => transport.driverFeaturesWrite(accepted));
  assertEquals(writes, [
    "write32 0x8 0x0",
    "write32 0xc 0x10000",
    "write32 0x8 0x1",
    "write32 0xc 0x1",
  ]);
  assertEquals(link.model.accepted, accepted);
});

Deno.test("configuration is read at the width of the field, and the generation as 8 bits", () => {
  const link = new VirtioPciLink({ mtu: 0x1234 });
  const transport = link.transport();
  const accesses = link.accesses(() => {
    assertEquals(transport.configRead(0, 1), 0x52);
    assertEquals(transport.configRead(10, 2), 0x1234);
    assertEquals(transport.configRead(0, 4), 0xab00_5452);
    assertEquals(transport.configGeneration(), 0);
  });
  const at = (offset: number) => `0x${(DEVICE_CFG + offset).toString(16)}`;
  assertEquals(accesses, [
    `read8 ${at(0)}`,
    `read16 ${at(10)}`,
    `read32 ${at(0)}`,
    "read8 0x15",
  ]);
});

Deno.test("a queue is selected before its size is read", () => {
  const link = new VirtioPciLink({ queueSizes: [8, 256] });
  const transport = link.transport();
  const accesses = link.accesses(() => assertEquals(transport.queueSizeMax(1), 256));
  assertEquals(accesses, ["write16 0x16 0x1", "read16 0x18"]);
  assertEquals(transport.queueSizeMax(0), 8);
  assertEquals(transport.queueSizeMax(2), 0, "a queue that isn't there");
});

Deno.test("a queue is enabled last, its addresses each as two 32-bit halves", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  const { addresses } = new SplitVirtqueue(transport.dma, 4, false);
  assert(addresses.descriptorArea > 2 ** 32);
  const accesses = link.accesses(() => transport.queueEnable(1, addresses));
  const halves = [addresses.descriptorArea, addresses.driverArea, addresses.deviceArea].map(
    (address) => [`0x${(address >>> 0).toString(16)}`, `0x${Math.floor(address / 2 ** 32)}`],
  );
  assertEquals(accesses, [
    "write16 0x16 0x1",
    "write16 0x18 0x4",
    `write32 0x20 ${halves[0][0]}`,
    `write32 0x24 ${halves[0][1]}`,
    `write32 0x28 ${halves[1][0]}`,
    `write32 0x2c ${halves[1][1]}`,
    `write32 0x30 ${halves[2][0]}`,
    `write32 0x34 ${halves[2][1]}`,
    "read16 0x1e",
    "write16 0x1c 0x1",
  ]);
  assertEquals(link.model.ring(1).size, 4);
});

Deno.test("each doorbell writes its queue's number to its queue's register", () => {
  const link = new VirtioPciLink({ barStart: 0x1_0000_0000 });
  const transport = link.transport();
  link.model.statusWrite(15);
  const bells = [0, 1].map((queue) =>
    transport.queueEnable(queue, new SplitVirtqueue(transport.dma, 4, false).addresses)
  );
  bells[1].ring();
  bells[0].ring();
  bells[0].ring();
  // queue_notify_off of the fake is 1 for queue 0 and 0 for queue 1; the multiplier is 4.
  const notify = link.pci.barAddress(4) + NOTIFY_CFG;
  assertEquals(link.host.rings, [
    { address: notify, value: 1 },
    { address: notify + 4, value: 0 },
    { address: notify + 4, value: 0 },
  ]);
  assertEquals([link.model.kicks(0), link.model.kicks(1)], [2, 1]);
});

Deno.test("vector 0 is for configuration and 1 + n for queue n, each read back", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  const accesses = link.accesses(() => transport.interruptsConnect(() => {}, [() => {}, null]));
  assertEquals(accesses, [
    "write16 0x10 0x0",
    "read16 0x10",
    "write16 0x16 0x0",
    "write16 0x1a 0x1",
    "read16 0x1a",
    "write16 0x16 0x1",
    "write16 0x1a 0x2",
    "read16 0x1a",
  ]);
  assertEquals(link.host.lines.map(({ connected }) => connected), [true, true, false]);
});

Deno.test("an interrupt reaches the handler that it's for; configuration is looked at behind it", async () => {
  const link = new VirtioPciLink();
  const heard: string[] = [];
  link.transport().interruptsConnect(() => heard.push("config"), [
    () => heard.push("receive"),
    () => heard.push("transmit"),
  ]);
  link.model.interrupt(1);
  link.model.interrupt(0);
  link.model.configChanged();
  link.model.configChanged();
  assertEquals(heard, ["transmit", "receive"]);
  await Promise.resolve();
  assertEquals(heard, ["transmit", "receive", "config"], "once for both");
});

Deno.test("the vectors tell what they are for, once they're connected", () => {
  const transport = new VirtioPciLink().transport();
  assertEquals(transport.vectors, []);
  transport.interruptsConnect(() => {}, [() => {}, null]);
  assertEquals(transport.vectors, [
    { name: "msi-x 0", config: true, queues: [] },
    { name: "msi-x 1", config: false, queues: [0] },
    { name: "msi-x 2", config: false, queues: [1] },
  ]);
});

for (const [vector, what] of [[0, "configuration changes"], [1, "queue 0"], [2, "queue 1"]]) {
  Deno.test(`with no other way to interrupt, 0xffff for vector ${vector} is a VirtioError`, () => {
    const link = new VirtioPciLink();
    link.model.script = { takesVector: (asked) => asked !== vector };
    assertThrows(
      () => link.transport(["msi-x per queue"]).interruptsConnect(() => {}, [() => {}, () => {}]),
      VirtioError,
      `pci 00:02.0 does not take MSI-X vector ${vector} for ${what}`,
    );
  });
}

Deno.test("shutdown() drops the interrupts, and takes memory and registers away", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  let heard = 0;
  transport.interruptsConnect(() => heard++, [() => heard++, () => heard++]);
  const lines = [...link.host.lines];
  transport.shutdown();
  for (const line of lines) line.fire();
  assertEquals(heard, 0);
  // PCI 3.0 §6.2.2: memory decode and bus mastering.
  assertEquals(link.pci.space.read(0x04, 2) & 6, 0);
});

Deno.test("configuration that isn't there is a VirtioError", () => {
  const caps = VIRTIO_CAPS.map((cap) => cap.type === DEVICE_CFG_TYPE ? { ...cap, length: 6 } : cap);
  const transport = new VirtioPciLink({ caps }).transport();
  assertEquals([transport.configLength, transport.configRead(5, 1)], [6, 0xef]);
  for (const [offset, width] of [[6, 2], [6, 1], [4, 4]] as const) {
    assertThrows(() => transport.configRead(offset, width), VirtioError, "no configuration");
  }
});

Deno.test("after a reset the vectors are written and read back again, over the same lines", async () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  transport.interruptsConnect(() => {}, [() => {}, null]);
  const lines = [...link.host.lines];
  transport.interruptsDisconnect();
  assertEquals(lines.map(({ connected }) => connected), [false, false, false]);
  transport.statusWrite(0);
  const heard: string[] = [];
  const accesses = link.accesses(() =>
    transport.interruptsConnect(() => heard.push("config"), [() => heard.push("receive"), null])
  );
  assertEquals(accesses.filter((access) => access.startsWith("read")).length, 3);
  assertEquals(link.host.lines, lines);
  link.model.interrupt(0);
  link.model.configChanged();
  await Promise.resolve();
  assertEquals(heard, ["receive", "config"]);
});

Deno.test("a queue keeps its doorbell over a reset, and shutdown() gives back what the bus lent", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  assertEquals(link.host.bars.size, 2);
  transport.interruptsConnect(() => {}, [() => {}, null]);
  const { addresses } = new SplitVirtqueue(transport.dma, 4, false);
  const doorbell = transport.queueEnable(0, addresses);
  transport.statusWrite(0);
  assert(transport.queueEnable(0, addresses) === doorbell);
  transport.queueEnable(1, addresses);
  assertEquals(link.host.doorbells.size, 2);
  transport.shutdown();
  transport.shutdown();
  const { lines, doorbells, bars } = link.host;
  assertEquals([lines.length, doorbells.size, bars.size], [0, 0, 0]);
});

Deno.test("a device is present until its function reads as all ones", () => {
  const link = new VirtioPciLink();
  const transport = link.transport();
  assert(transport.present());
  link.pci.space.write(0, 2, 0xffff);
  assert(!transport.present());
});
