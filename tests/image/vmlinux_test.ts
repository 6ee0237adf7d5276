import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../image/image_error.ts";
import { extractVmlinux } from "../../image/vmlinux.ts";

const ELF = [0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01];

/** A bzImage with two set-up sectors, and a payload 8 bytes into what follows them. */
function bzImage(
  contents: readonly number[],
  change: (view: DataView) => void = () => {},
): Uint8Array<ArrayBuffer> {
  const payload = [
    ...[0x02, 0x21, 0x4c, 0x18],
    ...[contents.length + 1, 0, 0, 0],
    ...[contents.length << 4, ...contents],
    ...[contents.length, 0, 0, 0],
  ];
  const start = 3 * 512 + 8;
  // What follows the payload is the decompressor.
  const bytes = new Uint8Array(start + payload.length + 100);
  bytes.set(payload, start);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, 2);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x020f, true);
  view.setUint32(0x248, 8, true);
  view.setUint32(0x24c, payload.length, true);
  change(view);
  return bytes;
}

Deno.test("the payload of a bzImage is where its header says", () => {
  assertEquals([...extractVmlinux(bzImage(ELF))], ELF);
});

Deno.test("what is no bzImage, or has its payload elsewhere, or no ELF file in it, is refused", () => {
  const changes: ((view: DataView) => void)[] = [
    (view) => view.setUint32(0x202, 0),
    (view) => view.setUint16(0x206, 0x0207, true),
    (view) => view.setUint32(0x248, 12, true),
    (view) => view.setUint32(0x24c, 1 << 30, true),
    (view) => view.setUint32(0x24c, 0, true),
    (view) => view.setUint8(0x1f1, 3),
  ];
  for (const change of changes) {
    assertThrows(() => extractVmlinux(bzImage(ELF, change)), ImageError);
  }
  assertThrows(() => extractVmlinux(bzImage([1, 2, 3, 4])), ImageError, "no ELF file");
  assertThrows(() => extractVmlinux(new Uint8Array(0)), ImageError, "no bzImage");
});
