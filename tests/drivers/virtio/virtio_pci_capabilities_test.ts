import { assertEquals, assertThrows } from "@std/assert";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import {
  COMMON_CFG,
  DEVICE_CFG,
  ISR_CFG,
  NOTIFY_CFG,
  VIRTIO_CAPS,
  type VirtioCap,
} from "../../device/virtio_pci_function.ts";
import { VirtioPciLink } from "./virtio_pci_link.ts";

/** A good device's capabilities, the one of this type changed. */
function changed(type: number, change: Partial<VirtioCap>): VirtioCap[] {
  return VIRTIO_CAPS.map((cap) => cap.type === type ? { ...cap, ...change } : cap);
}

/** Sets queue 0 up on a device with these capabilities, which is when all of them are used. */
function open(caps: readonly VirtioCap[]): VirtioPciLink {
  const link = new VirtioPciLink({ caps });
  const transport = link.transport();
  const at = transport.dma.region.deviceAddress(8192);
  const addresses = { descriptorArea: at, driverArea: at + 128, deviceArea: at + 256, size: 4 };
  transport.queueEnable(0, addresses);
  return link;
}

Deno.test("a good device is one; it needs no ISR, as MSI-X is used", () => {
  open(VIRTIO_CAPS);
  open(VIRTIO_CAPS.filter(({ type }) => type !== ISR_CFG));
});

for (const type of [COMMON_CFG, DEVICE_CFG, NOTIFY_CFG]) {
  const name = `structure ${type}`;

  Deno.test(`${name}: without it the device is a VirtioError that names the type`, () => {
    const caps = VIRTIO_CAPS.filter((cap) => cap.type !== type);
    const error = assertThrows(() => open(caps), VirtioError);
    assertEquals(error.message, `pci 00:02.0 has no virtio structure of type ${type}`);
  });

  Deno.test(`${name}: the first of several is used (§4.1.4.1)`, () => {
    const bad: VirtioCap = { type, offset: 0x4000, length: 4, multiplier: 0x8000_0000 };
    open([...VIRTIO_CAPS, bad]);
    assertThrows(() => open([bad, ...VIRTIO_CAPS]));
  });

  Deno.test(`${name}: a capability that is too short for its fields is passed over`, () => {
    const [capLength, offset] = [type === NOTIFY_CFG ? 19 : 15, 0x3ff0];
    open([{ type, offset, length: 0x1000, capLength, multiplier: 4 }, ...VIRTIO_CAPS]);
    assertThrows(() => open(changed(type, { capLength })), VirtioError, `of type ${type}`);
  });

  Deno.test(`${name}: a capability that is longer than it need be is fine (§4.1.4.1)`, () => {
    open(changed(type, { capLength: 64 }));
  });

  Deno.test(`${name}: one in a BAR that is reserved, missing or not memory is passed over`, () => {
    for (const bar of [0, 2, 3, 6, 255]) {
      open([{ type, offset: 0, length: 0x1000, bar, multiplier: 4 }, ...VIRTIO_CAPS]);
      assertThrows(() => open(changed(type, { bar })), VirtioError, `structure of type ${type}`);
    }
  });
}

for (const type of [COMMON_CFG, DEVICE_CFG, NOTIFY_CFG]) {
  Deno.test(`structure ${type}: one that reaches beyond its BAR is a VirtioError`, () => {
    for (
      const place of [
        { offset: 0x4000, length: 0x1000 },
        { offset: 0x3000, length: 0x1001 },
        { offset: 0, length: 0x4001 },
        { offset: 0xffff_fff0, length: 0x1000 },
        { offset: 0x100, length: 0xffff_ffff },
      ]
    ) {
      assertThrows(() => open(changed(type, place)), VirtioError, "can't be");
    }
  });
}

Deno.test("an ISR status outside its BAR is of no use, and the device is polled when it has no vectors", () => {
  for (const place of [{ offset: 0x4000, length: 1 }, { offset: 0, length: 0 }, { bar: 3 }]) {
    const link = new VirtioPciLink({ caps: changed(ISR_CFG, place) });
    link.host.msixVectors = 0;
    const transport = link.transport();
    transport.interruptsConnect(() => {}, [() => {}, null]);
    assertEquals(transport.interruptMode, "polling");
  }
});

Deno.test("a common configuration that lacks registers is a VirtioError", () => {
  assertThrows(() => open(changed(COMMON_CFG, { length: 0x37 })), VirtioError, "can't be");
  open(changed(COMMON_CFG, { length: 0x38 }));
});

Deno.test("types that aren't known are no structures (§4.1.4.1)", () => {
  const strange = [0, 5, 8, 9, 0xff].map((type) => ({ type, offset: 0xffff_ffff, length: 1 }));
  open([...strange, ...VIRTIO_CAPS]);
});

Deno.test("a queue that notifies outside the structure is a VirtioError", () => {
  // queue_notify_off of queue 0 is 1, so that the register lies at the multiplier.
  for (
    const [length, multiplier, good] of [
      [0x1000, 0xffe, true],
      [0x1000, 0xfff, false],
      [0x1000, 0x1000, false],
      [0x1000, 0xffff_ffff, false],
      [2, 0, true],
      [1, 0, false],
      [0, 0, false],
    ] as const
  ) {
    const caps = changed(NOTIFY_CFG, { length, multiplier });
    if (good) open(caps);
    else assertThrows(() => open(caps), VirtioError, "queue 0 notifies outside its structure");
  }
});

Deno.test("structures of 32-bit registers that are not aligned are a VirtioError (§4.1.4.3.1)", () => {
  for (const type of [COMMON_CFG, DEVICE_CFG]) {
    for (const offset of [1, 2, 3]) {
      assertThrows(() => open(changed(type, { offset })), VirtioError, "can't be");
    }
  }
});
