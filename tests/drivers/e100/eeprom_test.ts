import { assertEquals, assertThrows } from "@std/assert";
import { E100Error } from "../../../drivers/e100/e100_error.ts";
import { readEeprom } from "../../../drivers/e100/eeprom.ts";
import { RecordedWindow, type Registers } from "../../device/recorded_window.ts";
import { EepromModel } from "../../device/eeprom_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

const MAC = [0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f];

function wired(eeprom: EepromModel): RecordedWindow {
  const registers: Registers = {
    read: () => eeprom.read(),
    write: (_offset, _width, value) => eeprom.write(value),
  };
  return new RecordedWindow(64, registers);
}

for (const addressBits of [6, 8] as const) {
  Deno.test(`an EEPROM with ${addressBits} address bits is read whole`, () => {
    const eeprom = new EepromModel(MAC, addressBits);
    eeprom.words[0x20] = 0xbeef;
    eeprom.seal();
    const image = readEeprom(wired(eeprom), new FakeClock());
    assertEquals(image.words, eeprom.words);
    assertEquals([...image.mac], MAC);
    assertEquals(image.checksum, eeprom.words[eeprom.words.length - 1]);
  });
}

Deno.test("a bit that fell over in the EEPROM is noticed, and the sum told", () => {
  const eeprom = new EepromModel(MAC);
  eeprom.words[1] ^= 0x10;
  assertThrows(
    () => readEeprom(wired(eeprom), new FakeClock()),
    E100Error,
    "the EEPROM's 64 words add up to 0xba",
  );
});

Deno.test("an EEPROM that doesn't answer is none", () => {
  const eeprom = new EepromModel(MAC);
  eeprom.answers = false;
  assertThrows(() => readEeprom(wired(eeprom), new FakeClock()), E100Error, "no EEPROM");
});

Deno.test("the clock of the EEPROM isn't faster than 4 µs a period", () => {
  const clock = new FakeClock(0, 0.0001);
  const eeprom = new EepromModel(MAC);
  const rises: number[] = [];
  const csr = new RecordedWindow(64, {
    read: () => eeprom.read(),
    write: (_offset, _width, value) => {
      if ((value & 1) === 1) rises.push(clock.time);
      eeprom.write(value);
    },
  });
  readEeprom(csr, clock);
  const periods = rises.slice(1).map((time, i) => time - rises[i]);
  assertEquals(periods.filter((period) => period < 0.004), []);
});
