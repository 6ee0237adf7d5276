import { assert, assertEquals, assertThrows } from "@std/assert";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";

Deno.test("pieces begin at the start, are aligned, and never overlap", () => {
  const arena = new DmaArena(new PlainRegion(4096), 100);
  assertEquals(arena.alloc(10, 1), 100);
  assertEquals(arena.alloc(10, 64), 128);
  assertEquals(arena.alloc(64, 64), 192);
  assertEquals(arena.alloc(1, 2), 110, "the first hole that fits");
  assertEquals(arena.alloc(17, 1), 111);
  assertEquals(arena.alloc(1, 1), 138);
});

Deno.test("the last byte of the region can be had, and not one more", () => {
  const arena = new DmaArena(new PlainRegion(4096), 0);
  assertEquals(arena.alloc(4096, 64), 0);
  const error = assertThrows(() => arena.alloc(1, 1), NetdevError, "0 are left");
  assertEquals(error.code, "ENOSPC");
});

Deno.test("alignment alone can be too much; what is left is there for a smaller piece", () => {
  const arena = new DmaArena(new PlainRegion(4096), 0);
  arena.alloc(4033, 1);
  assertThrows(() => arena.alloc(1, 64), NetdevError, "63 are left");
  assertEquals(arena.alloc(63, 1), 4033);
});

Deno.test("a length that is none is EINVAL, and takes nothing back that was handed out", () => {
  const arena = new DmaArena(new PlainRegion(4096), 0);
  arena.alloc(1024, 64);
  for (const length of [-64, -1, 0, 1.5, NaN, Infinity]) {
    assertEquals(assertThrows(() => arena.alloc(length, 64), NetdevError).code, "EINVAL");
  }
  assertEquals(arena.alloc(64, 64), 1024);
});

Deno.test("what was given back is had again, and pieces that meet become one", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]]) {
    const arena = new DmaArena(new PlainRegion(4096), 64);
    const pieces = [arena.alloc(1000, 64), arena.alloc(1000, 64), arena.alloc(1000, 64)];
    for (const index of order) arena.free(pieces[index]);
    assertEquals(arena.available, 4096 - 64);
    assertEquals(arena.alloc(4096 - 64, 64), 64, `given back in order ${order}`);
  }
});

Deno.test("a piece is given back once, by its start, and only if it was handed out", () => {
  const arena = new DmaArena(new PlainRegion(4096), 64);
  const piece = arena.alloc(256, 64);
  for (const bad of [0, piece + 1, piece + 64, -1, 4096, NaN]) {
    const error = assertThrows(() => arena.free(bad), NetdevError, `${bad} to give back`);
    assertEquals(error.code, "EINVAL");
  }
  arena.free(piece);
  assertThrows(() => arena.free(piece), NetdevError, "no piece");
  assertEquals(arena.available, 4096 - 64);
});

Deno.test("a full region tells what is left in all and in one piece", () => {
  const arena = new DmaArena(new PlainRegion(1024), 0);
  const pieces = Array.from({ length: 8 }, () => arena.alloc(128, 1));
  arena.free(pieces[1]);
  arena.free(pieces[5]);
  assertThrows(() => arena.alloc(129, 1), NetdevError, "256 are left, 128 in one piece");
});

Deno.test("no byte is ever handed out twice, nor lost, over 20,000 random steps", () => {
  const random = new SeededRandom(17);
  const arena = new DmaArena(new PlainRegion(1 << 16), 100);
  const owner = new Int32Array(1 << 16);
  const pieces = new Map<number, number>();
  for (let step = 1; step <= 20_000; step++) {
    if (random.below(2) === 0) {
      const [length, align] = [1 + random.below(3000), 1 << random.below(8)];
      if (length + align > arena.available / 8) continue;
      let offset = -1;
      try {
        offset = arena.alloc(length, align);
      } catch (error) {
        assert(error instanceof NetdevError && error.code === "ENOSPC");
        continue;
      }
      assert(offset >= 100 && offset % align === 0 && offset + length <= 1 << 16);
      assert(owner.subarray(offset, offset + length).every((byte) => byte === 0));
      owner.fill(step, offset, offset + length);
      pieces.set(offset, length);
    } else if (pieces.size > 0) {
      const [offset, length] = [...pieces][random.below(pieces.size)];
      arena.free(offset);
      owner.fill(0, offset, offset + length);
      pieces.delete(offset);
    }
    const held = [...pieces.values()].reduce((sum, length) => sum + length, 0);
    assertEquals(arena.available, (1 << 16) - 100 - held);
  }
  for (const offset of pieces.keys()) arena.free(offset);
  assertEquals(arena.alloc((1 << 16) - 100, 1), 100);
});
