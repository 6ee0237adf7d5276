import { assertEquals, assertThrows } from "@std/assert";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";

Deno.test("pieces begin at the start, are aligned, and never overlap", () => {
  const arena = new DmaArena(new PlainRegion(4096), 100);
  assertEquals(arena.alloc(10, 1), 100);
  assertEquals(arena.alloc(10, 64), 128);
  assertEquals(arena.alloc(1, 2), 138);
  assertEquals(arena.alloc(64, 64), 192);
  assertEquals(arena.alloc(0, 64), 256);
  assertEquals(arena.alloc(64, 64), 256);
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
  for (const length of [-64, -1, 1.5, NaN, Infinity]) {
    assertEquals(assertThrows(() => arena.alloc(length, 64), NetdevError).code, "EINVAL");
  }
  assertEquals(arena.alloc(64, 64), 1024);
});
