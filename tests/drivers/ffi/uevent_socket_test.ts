import { assertEquals } from "@std/assert";
import { parseUevent, UeventSocket } from "../../../drivers/ffi/uevent_socket.ts";

function message(...lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${line}\0`).join(""));
}

Deno.test("an event tells what happened to which device", () => {
  const path = "/devices/pci0000:00/0000:00:02.0/0000:01:00.0";
  const text = [`add@${path}`, "ACTION=add", `DEVPATH=${path}`, "SUBSYSTEM=pci", "SEQNUM=1"];
  assertEquals(parseUevent(message(...text)), {
    action: "add",
    subsystem: "pci",
    name: "0000:01:00.0",
  });
});

Deno.test("what is no event says nothing", () => {
  const nothing = { action: "", subsystem: "", name: "" };
  assertEquals(parseUevent(new Uint8Array(0)), nothing);
  assertEquals(parseUevent(message("libudev", "", "=", "ACTION")), nothing);
});

Deno.test("the socket has nothing to say at first, and is closed once", () => {
  const socket = new UeventSocket();
  // Whatever happens on this machine meanwhile, none of it waits for somebody.
  while (socket.read() !== null);
  socket[Symbol.dispose]();
  socket[Symbol.dispose]();
});
