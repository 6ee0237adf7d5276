import type { Clock } from "../../netdev/clock.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { E100Error } from "./e100_error.ts";
import { pause } from "./pause.ts";
import { CSR_EEPROM } from "./registers.ts";

/** EEPROM control register (8255x manual §6.3.4): the four wires of a 93C46 or 93C66, one bit each. */
const EESK = 0x01; // clock
const EECS = 0x02; // chip select
const EEDI = 0x04; // to the EEPROM
const EEDO = 0x08; // from the EEPROM

/** A start bit and the opcode "read". */
const READ = 0b110;
const READ_BITS = 3;
const WORD_BITS = 16;

/** The largest part has 256 words. */
const MAX_ADDRESS_BITS = 8;

/** The clock of the part has a period of 4 µs at least. */
const HALF_PERIOD_US = 2;

/** The sum of all words, modulo 2^16 (§3.3.2). */
const CHECKSUM = 0xbaba;

/** All words of an EEPROM, whose sum is right. */
export class EepromImage {
  readonly words: Uint16Array;

  constructor(words: Uint16Array) {
    this.words = words;
  }

  /** The MAC address: words 0 to 2, little-endian (§3.3.1). */
  get mac(): Uint8Array {
    return Uint8Array.from({ length: 6 }, (_, i) => this.words[i >>> 1] >>> (8 * (i & 1)));
  }

  /** The last word, which makes the sum right. */
  get checksum(): number {
    return this.words[this.words.length - 1];
  }
}

/**
 * Reads the whole EEPROM, bit by bit. `E100Error` when there is none that answers, and when its
 * sum is wrong: then its MAC address is as likely to be nonsense as anything in it.
 */
export function readEeprom(csr: RegisterWindow, clock: Clock): EepromImage {
  const wires = new EepromWires(csr, clock);
  const addressBits = wires.findAddressBits();
  const words = Uint16Array.from(
    { length: 1 << addressBits },
    (_, address) => wires.read(address, addressBits),
  );
  const sum = words.reduce((total, word) => total + word & 0xffff, 0);
  if (sum !== CHECKSUM) {
    throw new E100Error(
      `the EEPROM's ${words.length} words add up to ${hex(sum)}, not ${hex(CHECKSUM)}`,
    );
  }
  return new EepromImage(words);
}

/** The wires to the part, moved one at a time. */
class EepromWires {
  readonly #csr: RegisterWindow;
  readonly #clock: Clock;

  constructor(csr: RegisterWindow, clock: Clock) {
    this.#csr = csr;
    this.#clock = clock;
  }

  /**
   * How many bits an address has. The part answers the last one with a 0 before the data; up to then
   * its output is open, and read as 1.
   */
  findAddressBits(): number {
    this.#select();
    this.#send(READ, READ_BITS);
    for (let bits = 1; bits <= MAX_ADDRESS_BITS; bits++) {
      this.#clockIn(0);
      if (this.#output() === 0) {
        this.#deselect();
        return bits;
      }
    }
    this.#deselect();
    throw new E100Error("there is no EEPROM, or it doesn't answer");
  }

  read(address: number, addressBits: number): number {
    this.#select();
    this.#send(READ, READ_BITS);
    this.#send(address, addressBits);
    let word = 0;
    for (let bit = 0; bit < WORD_BITS; bit++) {
      this.#clockIn(0);
      word = word << 1 | this.#output();
    }
    this.#deselect();
    return word;
  }

  /** The most significant bit first. */
  #send(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit--) this.#clockIn(value >>> bit & 1);
  }

  /** The part takes a bit, and gives one, when its clock rises. */
  #clockIn(bit: number): void {
    const data = bit === 0 ? EECS : EECS | EEDI;
    this.#drive(data);
    this.#drive(data | EESK);
  }

  #output(): number {
    return (this.#csr.read16(CSR_EEPROM) & EEDO) === 0 ? 0 : 1;
  }

  #select(): void {
    this.#drive(EECS);
  }

  #deselect(): void {
    this.#drive(EECS);
    this.#drive(0);
  }

  #drive(wires: number): void {
    this.#csr.write16(CSR_EEPROM, wires);
    pause(this.#clock, HALF_PERIOD_US);
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}
