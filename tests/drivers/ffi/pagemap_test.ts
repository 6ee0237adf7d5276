import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { Mapping } from "../../../drivers/ffi/mapping.ts";
import { physicalAddress, physicalAddresses } from "../../../drivers/ffi/pagemap.ts";

const PAGE = 4096;
const PRESENT = 0x8000_0000;

Deno.test("an entry of pagemap has the frame in its low 55 bits, if the page is present", () => {
  const entries = Uint32Array.of(
    0x000f_eb00,
    PRESENT,
    // Flags above the frame: soft-dirty, exclusively mapped, of a file.
    0x0000_0001,
    0xe180_0002,
    0x000f_eb00,
    0x0000_0000,
    // What a user without CAP_SYS_ADMIN is shown.
    0x0000_0000,
    PRESENT,
  );
  const addresses = [0, 1, 2, 3].map((index) => physicalAddress(entries, index));
  assertEquals(addresses, [0xfeb0_0000, (2 * 2 ** 32 + 1) * PAGE, null, null]);
});

Deno.test("of each page the entry of its first 4 KiB is read", () => {
  const path = Deno.makeTempFileSync();
  const entries = new Uint32Array(2 * 12);
  for (let page = 0; page < 12; page++) entries.set([100 + page, PRESENT], 2 * page);
  Deno.writeFileSync(path, new Uint8Array(entries.buffer));
  const addresses = physicalAddresses(2 * PAGE, 3, 2 * PAGE, path);
  // The file ends before the last two of these.
  const beyond = physicalAddresses(11 * PAGE, 3, PAGE, path);
  Deno.removeSync(path);
  assertEquals(addresses, [102 * PAGE, 104 * PAGE, 106 * PAGE]);
  assertEquals(beyond, [111 * PAGE, null, null]);
});

Deno.test("a page that nobody has touched is nowhere, and no pagemap is an error of open", () => {
  using memory = Mapping.anonymous(2 ** 21);
  assertEquals(physicalAddresses(memory.address, 2, PAGE), [null, null]);
  assertThrows(() => physicalAddresses(memory.address, 1, PAGE, "/nowhere"), ErrnoError, "open");
});

Deno.test("locked memory is in the machine's, each page in another place, as far as root is told", () => {
  using memory = Mapping.anonymous(2 ** 21);
  memory.lock();
  const addresses = physicalAddresses(memory.address, 512, PAGE);
  if (addresses[0] === null) return console.log("pagemap shows no addresses: not root, NOT TESTED");
  assertEquals(new Set(addresses).size, 512);
  assert(addresses.every((address) => address !== null && address % PAGE === 0));
});
