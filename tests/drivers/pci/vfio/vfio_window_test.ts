import { assertEquals, assertThrows } from "@std/assert";
import { closeFd } from "../../../../drivers/ffi/file_descriptor.ts";
import { createMemfd } from "../../../../drivers/ffi/mapped_region.ts";
import { Mapping } from "../../../../drivers/ffi/mapping.ts";
import { MappedWindow } from "../../../../drivers/pci/mapped_window.ts";
import { DescriptorWindow } from "../../../../drivers/pci/vfio/vfio_window.ts";
import type { RegisterWindow } from "../../../../drivers/pci/register_window.ts";

const PAGE = 4096;

/** A window on the second page of a file, and what is in that page. */
interface Case {
  readonly window: RegisterWindow;
  readonly page: Uint8Array;
  /** Takes the device away. */
  close(): void;
}

type Making = (use: (made: Case) => void) => void;

const mapped: Making = (use) => {
  const fd = createMemfd("ukdeno-bar", 2 * PAGE);
  using whole = Mapping.ofFile(fd, 0n, 2 * PAGE);
  using mapping = Mapping.ofFile(fd, BigInt(PAGE), PAGE);
  closeFd(fd);
  const window = new MappedWindow(mapping);
  use({ window, page: whole.u8.subarray(PAGE), close: () => mapping[Symbol.dispose]() });
};

const byDescriptor: Making = (use) => {
  const fd = createMemfd("ukdeno-bar", 2 * PAGE);
  using whole = Mapping.ofFile(fd, 0n, 2 * PAGE);
  const window = new DescriptorWindow(fd, BigInt(PAGE), PAGE);
  use({ window, page: whole.u8.subarray(PAGE), close: () => window.close() });
  closeFd(fd);
};

for (const [name, make] of [["mapped", mapped], ["by descriptor", byDescriptor]] as const) {
  Deno.test(`registers ${name} are read and written at each width, where they are`, () => {
    make(({ window, page }) => {
      assertEquals(window.byteLength, PAGE);
      window.write8(1, 0xab);
      window.write16(2, 0xcdef);
      window.write32(4, 0x8901_2345);
      assertEquals([...page.subarray(0, 9)], [0, 0xab, 0xef, 0xcd, 0x45, 0x23, 0x01, 0x89, 0]);
      assertEquals([window.read8(1), window.read16(2)], [0xab, 0xcdef]);
      assertEquals([window.read32(4), window.read32(0)], [0x8901_2345, 0xcdef_ab00]);
    });
  });

  Deno.test(`registers ${name} end where the window does, and are aligned`, () => {
    make(({ window }) => {
      assertEquals(window.read32(PAGE - 4), 0);
      for (const offset of [PAGE, PAGE - 2, -4, 2]) {
        assertThrows(() => window.read32(offset), RangeError);
        assertThrows(() => window.write32(offset, 1), RangeError);
      }
      assertThrows(() => window.read16(PAGE), RangeError);
      assertThrows(() => window.read8(PAGE), RangeError);
    });
  });

  Deno.test(`registers ${name} of a device that's gone are all ones, and nothing is written`, () => {
    make(({ window, page, close }) => {
      window.write32(0, 5);
      close();
      assertEquals([window.read8(0), window.read16(0)], [0xff, 0xffff]);
      assertEquals(window.read32(0), 0xffff_ffff);
      window.write8(0, 1);
      window.write16(0, 1);
      window.write32(0, 1);
      assertEquals(page[0], 5);
    });
  });
}
