const SPACE = 0x20;
const NEWLINE = 0x0a;
const ZERO = 0x30;
const LETTER_X = 0x78;

/** Hexadecimal digits of a number that is written with them. */
const DIGITS = new TextEncoder().encode("0123456789abcdef");

/** Longest: `writel 0x1fffffffffffff 0xffffffff` and the end of the line. */
const LONGEST = 64;

/** One line of the qtest protocol, written in place: a command makes no string and no garbage. */
export class QtestCommand {
  readonly bytes = new Uint8Array(LONGEST);
  #length = 0;

  /** Bytes of the line, its end included. */
  get length(): number {
    return this.#length;
  }

  /** `verb ADDRESS`, the address below 2^53. */
  ask(verb: Uint8Array, address: number): void {
    this.#begin(verb, address);
    this.bytes[this.#length++] = NEWLINE;
  }

  /** `verb ADDRESS VALUE`, the value as 32 bits without a sign. */
  tell(verb: Uint8Array, address: number, value: number): void {
    this.#begin(verb, address);
    this.#hex(0, value >>> 0);
    this.bytes[this.#length++] = NEWLINE;
  }

  /** Any other command, of ASCII characters. */
  say(command: string): void {
    this.#length = new TextEncoder().encodeInto(`${command}\n`, this.bytes).written;
  }

  /** The line without its end, for a message. */
  text(): string {
    return new TextDecoder().decode(this.bytes.subarray(0, this.#length - 1));
  }

  #begin(verb: Uint8Array, address: number): void {
    this.bytes.set(verb);
    this.#length = verb.length;
    this.#hex(Math.floor(address / 2 ** 32), address >>> 0);
  }

  /** ` 0x…` of a number in two halves of 32 bits, without leading zeros. */
  #hex(high: number, low: number): void {
    this.bytes[this.#length++] = SPACE;
    this.bytes[this.#length++] = ZERO;
    this.bytes[this.#length++] = LETTER_X;
    let started = false;
    for (let shift = 60; shift >= 0; shift -= 4) {
      const digit = (shift >= 32 ? high >>> (shift - 32) : low >>> shift) & 0xf;
      started ||= digit !== 0 || shift === 0;
      if (started) this.bytes[this.#length++] = DIGITS[digit];
    }
  }
}
