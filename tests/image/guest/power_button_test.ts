import { assertEquals } from "@std/assert";
import { countPresses, hasKey } from "../../../image/guest/power_button.ts";

/** `struct input_event` of x86-64. */
function event(type: number, code: number, value: number): number[] {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  // The time may look like anything.
  bytes.fill(0x74, 0, 16);
  view.setUint16(16, type, true);
  view.setUint16(18, code, true);
  view.setInt32(20, value, true);
  return [...bytes];
}

Deno.test("a press of the power button counts, once, and nothing else does", () => {
  const events = [
    event(1, 116, 1),
    event(0, 0, 0),
    event(1, 116, 0),
    event(1, 116, 2),
    event(1, 28, 1),
    event(4, 116, 1),
  ].flat();
  assertEquals(countPresses(Uint8Array.from(events)), 1);
  assertEquals(countPresses(Uint8Array.from([...events, ...events])), 2);
  assertEquals(countPresses(Uint8Array.from(events.slice(0, 23))), 0);
});

Deno.test("a device has a key when its bit is set in words of 64, the highest first", () => {
  // QEMU's power button, and its keyboard.
  assertEquals(hasKey("10000000000000 0\n", 116), true);
  assertEquals(hasKey("402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n", 116), true);
  assertEquals(hasKey("e080ffdf01cfffff fffffffffffffffe\n", 116), false);
  assertEquals(hasKey("10\n", 116), false);
  assertEquals(hasKey("10\n", 4), true);
});
