/** Where the kernel has a folder for each input device (`eventN`) and its capabilities. */
const INPUT_CLASS = "/sys/class/input";

/** linux/input-event-codes.h. */
const EV_KEY = 1;
const KEY_POWER = 116;
/** A key that goes down; 0 is up, 2 repeats. */
const PRESSED = 1;

/** `struct input_event`: 16 bytes of time, then u16 type, u16 code, s32 value. */
const EVENT_BYTES = 24;
const TYPE = 16;
const CODE = 18;
const VALUE = 20;

/**
 * Calls `press` each time that the power button is pressed, as long as the process lives. False when
 * the machine has none. What waits is a thread: it costs nothing until then.
 */
export function onPowerButton(press: () => void): boolean {
  const devices = [...Deno.readDirSync(INPUT_CLASS)].map(({ name }) => name).filter((name) =>
    name.startsWith("event") &&
    hasKey(Deno.readTextFileSync(`${INPUT_CLASS}/${name}/device/capabilities/key`), KEY_POWER)
  );
  for (const name of devices) void watch(`/dev/input/${name}`, press);
  return devices.length > 0;
}

async function watch(path: string, press: () => void): Promise<void> {
  using file = Deno.openSync(path);
  // The kernel gives whole events.
  const events = new Uint8Array(16 * EVENT_BYTES);
  for (;;) {
    const length = await file.read(events);
    if (length === null) return;
    for (let i = 0; i < countPresses(events.subarray(0, length)); i++) press();
  }
}

/** How often the power button was pressed in what was read of an input device. */
export function countPresses(events: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(events.buffer, events.byteOffset, events.byteLength);
  let presses = 0;
  for (let at = 0; at + EVENT_BYTES <= events.length; at += EVENT_BYTES) {
    const isPress = view.getUint16(at + TYPE, true) === EV_KEY &&
      view.getUint16(at + CODE, true) === KEY_POWER &&
      view.getInt32(at + VALUE, true) === PRESSED;
    if (isPress) presses++;
  }
  return presses;
}

/** Whether a device has a key: `bits` are hexadecimal words of 64, the highest first. */
export function hasKey(bits: string, key: number): boolean {
  const word = bits.trim().split(" ").at(-1 - Math.floor(key / 64)) ?? "0";
  return (BigInt(`0x${word}`) >> BigInt(key % 64) & 1n) === 1n;
}
