import { assertEquals, assertThrows } from "@std/assert";
import { socketPair } from "../../../../drivers/ffi/unix_socket.ts";
import { QtestClient } from "../../../../drivers/pci/qemu/qtest_client.ts";
import { QtestPortWindow, QtestWindow } from "../../../../drivers/pci/qemu/qtest_window.ts";

Deno.test("registers are asked for at their address and width; others are not asked for", () => {
  const [near, far] = socketPair();
  using client = near;
  using qemu = far;
  const window = new QtestWindow(new QtestClient(client), 0xe000_4000, 0x100);
  qemu.send(new TextEncoder().encode("OK 0x11\nOK 0x22\nOK 0x33\nOK\nOK\nOK\n"));
  assertEquals([window.read8(1), window.read16(2), window.read32(4)], [0x11, 0x22, 0x33]);
  window.write8(0xff, 1);
  window.write16(0xfe, 2);
  window.write32(0xfc, 3);
  for (
    const bad of [() => window.read8(0x100), () => window.read16(1), () => window.write32(2, 0)]
  ) {
    assertThrows(bad, RangeError);
  }
  const asked = new Uint8Array(4096);
  const length = qemu.receive(asked);
  assertEquals(new TextDecoder().decode(asked.subarray(0, length)).split("\n"), [
    "readb 0xe0004001",
    "readw 0xe0004002",
    "readl 0xe0004004",
    "writeb 0xe00040ff 0x1",
    "writew 0xe00040fe 0x2",
    "writel 0xe00040fc 0x3",
    "",
  ]);
});

Deno.test("registers at ports are asked for by in and out, at their width", () => {
  const [near, far] = socketPair();
  using client = near;
  using qemu = far;
  const window = new QtestPortWindow(new QtestClient(client), 0xc040, 0x40);
  qemu.send(new TextEncoder().encode("OK 0x11\nOK 0x22\nOK 0x33\nOK\nOK\nOK\n"));
  assertEquals([window.read8(1), window.read16(2), window.read32(4)], [0x11, 0x22, 0x33]);
  window.write8(0x3f, 1);
  window.write16(0x3e, 2);
  window.write32(0x3c, 3);
  for (const bad of [() => window.read8(0x40), () => window.write16(1, 0)]) {
    assertThrows(bad, RangeError);
  }
  const asked = new Uint8Array(4096);
  const length = qemu.receive(asked);
  assertEquals(new TextDecoder().decode(asked.subarray(0, length)).split("\n"), [
    "inb 0xc041",
    "inw 0xc042",
    "inl 0xc044",
    "outb 0xc07f 0x1",
    "outw 0xc07e 0x2",
    "outl 0xc07c 0x3",
    "",
  ]);
});

Deno.test("registers of a QEMU that has gone read as all ones, and writes are lost", () => {
  const [near, far] = socketPair();
  using client = near;
  far[Symbol.dispose]();
  const qtest = new QtestClient(client);
  const windows = [new QtestWindow(qtest, 0xe000_4000, 64), new QtestPortWindow(qtest, 0xc040, 64)];
  for (const window of windows) {
    assertEquals(
      [window.read8(1), window.read16(2), window.read32(4)],
      [0xff, 0xffff, 0xffff_ffff],
    );
    window.write32(4, 1);
  }
});
