import { assertEquals } from "@std/assert";
import { SystemControlBlock } from "../../../drivers/e100/system_control_block.ts";
import { RecordedWindow } from "../../device/recorded_window.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

/** The block, and the byte by which the controller accepts a command: never by itself here. */
function scb(causeMasks = true): { scb: SystemControlBlock; csr: RecordedWindow } {
  const csr = new RecordedWindow(64);
  const scb = new SystemControlBlock(csr, new FakeClock(0, 0.1), causeMasks);
  return { scb, csr };
}

Deno.test("a command waits until the one before was accepted", () => {
  const { scb: block, csr } = scb();
  assertEquals(block.issueAt(0x10, 0x1234_5678), true);
  assertEquals(csr.accesses, ["read8 0x2", "write32 0x4 0x12345678", "write8 0x2 0x10"]);
  csr.accesses.length = 0;
  assertEquals(block.issue(0x20), false, "the byte stays 0x10");
  assertEquals(csr.accesses.every((access) => access === "read8 0x2"), true);
});

Deno.test("a status read that shows a free command byte saves the next look at it", () => {
  const { scb: block, csr } = scb();
  block.status();
  csr.accesses.length = 0;
  block.issue(0x20);
  assertEquals(csr.accesses, ["write8 0x2 0x20"]);
  csr.accesses.length = 0;
  block.status();
  block.issue(0x20);
  assertEquals(csr.accesses[1], "read8 0x2", "the byte read as 0x20 in between");
});

Deno.test("frames and a lack of buffers interrupt, nothing else", () => {
  const { scb: block, csr } = scb();
  block.unmask();
  assertEquals([csr.accesses, block.masked], [["write8 0x3 0xac"], false]);
  block.mask();
  assertEquals([csr.accesses[1], block.masked], ["write8 0x3 0x1", true]);
});

Deno.test("without masks for each cause all of them interrupt", () => {
  const { scb: block, csr } = scb(false);
  block.unmask();
  assertEquals(csr.accesses, ["write8 0x3 0x0"]);
});

Deno.test("nothing to acknowledge is nothing to write", () => {
  const { scb: block, csr } = scb();
  block.acknowledge(0);
  block.acknowledge(0x50);
  assertEquals(csr.accesses, ["write8 0x1 0x50"]);
});
