import { assertEquals, assertThrows } from "@std/assert";
import { socketPair } from "../../../../drivers/ffi/unix_socket.ts";
import { QtestClient } from "../../../../drivers/pci/qemu/qtest_client.ts";
import { QtestWindow } from "../../../../drivers/pci/qemu/qtest_window.ts";

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
