import { assertEquals, assertThrows } from "@std/assert";
import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { createMemfd, MappedRegion } from "../../../drivers/ffi/mapped_region.ts";
import type { MemoryRegion } from "../../../drivers/virtio/vhost_user/message.ts";
import { BackEndError } from "./back_end_error.ts";
import { GuestMemory } from "./guest_memory.ts";

const PAGE = 4096;
const GIB = 2 ** 30;

/** Two regions, the second one from the second page of its file on. */
const REGIONS: readonly MemoryRegion[] = [
  { guestAddress: 0, size: 4 * PAGE, userAddress: 0x7f00_0000_0000, mmapOffset: 0 },
  { guestAddress: 4 * GIB, size: 2 * PAGE, userAddress: 0x7e00_0000_0000, mmapOffset: PAGE },
];

/** Maps regions of as many files, each of `bytes`, and shows the files to the test. */
function withMemory(
  regions: readonly MemoryRegion[],
  test: (memory: GuestMemory, files: readonly MappedRegion[]) => void,
  bytes = 4 * PAGE,
): void {
  const fds = regions.map(() => createMemfd("guest-memory-test", bytes));
  using stack = new DisposableStack();
  fds.forEach((fd) => stack.defer(() => closeFd(fd)));
  const files = fds.map((fd) => stack.use(new MappedRegion(fd, bytes)));
  test(stack.use(new GuestMemory(regions, fds)), files);
}

/** The offset of a guest address, as descriptors have it. */
function offsetOf(memory: GuestMemory, address: number, length: number): number {
  return memory.offsetOf(address >>> 0, Math.floor(address / 2 ** 32), length);
}

Deno.test("guest memory: an address is where the front-end has it, in each region", () => {
  withMemory(REGIONS, (memory, files) => {
    files[0].u8[5] = 55;
    files[1].u8[PAGE + 7] = 77;
    assertEquals(memory.u8[offsetOf(memory, 5, 1)], 55);
    assertEquals(memory.u8[offsetOf(memory, 4 * GIB + 7, 1)], 77);
    assertEquals(memory.u8[offsetOf(memory, 5, 1)], 55, "the first one again");
    memory.u32[offsetOf(memory, 4 * GIB + 2 * PAGE - 4, 4) >>> 2] = 0xdead_beef;
    assertEquals(files[1].u32[(3 * PAGE - 4) >>> 2], 0xdead_beef);
  });
});

Deno.test("guest memory: a user address is told apart from a guest address", () => {
  withMemory(REGIONS, (memory, files) => {
    files[1].u8[PAGE + 9] = 99;
    assertEquals(memory.u8[memory.userOffset(0x7e00_0000_0009, 1)], 99);
    assertEquals(memory.userOffset(9, 1), -1);
    assertEquals(offsetOf(memory, 0x7e00_0000_0009, 1), -1);
  });
});

Deno.test("guest memory: what isn't all in one region is nowhere", () => {
  withMemory(REGIONS, (memory) => {
    const bad: readonly [number, number][] = [
      [4 * PAGE, 1],
      [4 * PAGE - 1, 2],
      [4 * GIB - 1, 1],
      [4 * GIB - 1, 2],
      [4 * GIB + 2 * PAGE, 1],
      [0, 0xffff_ffff],
      [0, 4 * PAGE + 1],
      [2 ** 52, 1],
    ];
    for (const [address, length] of bad) assertEquals(offsetOf(memory, address, length), -1);
    assertEquals(memory.offsetOf(-1, -1, 1), -1, "the last of 64 bits");
    assertEquals(offsetOf(memory, 0, 4 * PAGE) >= 0, true);
  });
});

Deno.test("guest memory: a region inside a page begins where its offset says", () => {
  const region = { ...REGIONS[0], size: PAGE, mmapOffset: PAGE + 64 };
  withMemory([region], (memory, files) => {
    files[0].u8[PAGE + 64] = 64;
    assertEquals(memory.u8[offsetOf(memory, 0, 1)], 64);
  });
});

Deno.test("guest memory: regions that can't be are refused in words", () => {
  const refused: readonly [readonly MemoryRegion[], string][] = [
    [[], "0 memory regions"],
    [[{ ...REGIONS[0], size: 0 }], "memory region 0: 0 bytes"],
    [[{ ...REGIONS[0], size: 5 * PAGE }], "not in a file of 16384 bytes"],
    [[{ ...REGIONS[0], mmapOffset: PAGE }], "not in a file of 16384 bytes"],
    [[{ ...REGIONS[0], mmapOffset: 2 }], "not aligned"],
    [[REGIONS[0], { ...REGIONS[1], guestAddress: 3 * PAGE }], "1 overlaps memory region 0"],
    [[{ ...REGIONS[0], guestAddress: 2 ** 53 }], "can't be"],
  ];
  for (const [regions, message] of refused) {
    assertThrows(() => withMemory(regions, () => {}), BackEndError, message);
  }
  const huge = { ...REGIONS[0], size: 2 * GIB };
  assertThrows(() => withMemory([huge], () => {}, 2 * GIB), BackEndError, "are more than");
});

Deno.test("guest memory: a late access after it was given back reads nothing", () => {
  const fd = createMemfd("guest-memory-test", 4 * PAGE);
  const memory = new GuestMemory([REGIONS[0]], [fd]);
  closeFd(fd);
  memory[Symbol.dispose]();
  assertEquals(memory.u8[0], undefined);
  memory[Symbol.dispose]();
});
