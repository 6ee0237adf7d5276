import { assert, assertEquals, assertThrows } from "@std/assert";
import { allocatePhysicalMemory, type Pagemap } from "../../../drivers/mmio/physical_memory.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";

const MIB = 2 ** 20;

/** A machine in which each piece of so many bytes lies behind another's end, from 1 GiB on. */
function scattered(pieceBytes: number): Pagemap {
  return (_, count, pageBytes) => {
    const each = pieceBytes / pageBytes;
    return Array.from({ length: count }, (_, page) => {
      const piece = Math.floor(page / each);
      return 2 ** 30 + 2 * piece * pieceBytes + page % each * pageBytes;
    });
  };
}

Deno.test("memory is one piece, as large as was asked for, and its own address is the first one's", () => {
  using region = allocatePhysicalMemory(2 * MIB, scattered(2 * MIB));
  assertEquals([region.byteLength, region.deviceAddress(0)], [2 * MIB, 2 ** 30]);
  assertEquals(region.deviceAddress(4097), 2 ** 30 + 4097);
  region.u32[1] = 0x8765_4321;
  assertEquals([region.u8[4], region.u16[3]], [0x21, 0x8765]);
  assertEquals(region.u32.length, MIB / 2);
});

Deno.test("where the first pages are nowhere it begins behind them", () => {
  let start = 0;
  const holed: Pagemap = (address, count, pageBytes) => {
    start = address;
    const addresses = scattered(64 * MIB)(address, count, pageBytes);
    return addresses.map((address, page) => page * pageBytes < MIB ? null : address);
  };
  using region = allocatePhysicalMemory(2 * MIB, holed);
  const behind = region.deviceAddress(0) - 2 ** 30;
  assert(behind >= MIB, `${behind}`);
  region.u32[0] = 0x1234_5678;
  const pointer = Deno.UnsafePointer.create(BigInt(start + behind));
  assert(pointer !== null);
  assertEquals(new Deno.UnsafePointerView(pointer).getUint32(), 0x1234_5678);
});

Deno.test("memory in small pieces only is refused, with how much there is and what to do", () => {
  const refuse = () => allocatePhysicalMemory(1.7 * MIB, scattered(MIB / 2));
  const { message } = assertThrows(refuse, NetdevError, "the card needs 1741 KiB of memory");
  for (const part of ["512 can be had", "hugepages=2", "--ring-size"]) {
    assert(message.includes(part), message);
  }
});

Deno.test("who isn't told where memory is is to be root", () => {
  const hidden: Pagemap = (_, count) => new Array<null>(count).fill(null);
  const { message } = assertThrows(() => allocatePhysicalMemory(MIB, hidden), NetdevError, "root");
  assert(message.includes("CAP_SYS_ADMIN"), message);
});
