/** The wires of a 93C46 or 93C66, as the 8255x has them in its EEPROM control register. */
const EESK = 0x01;
const EECS = 0x02;
const EEDI = 0x04;
const EEDO = 0x08;

const READ_COMMAND = 0b110;
const COMMAND_BITS = 3;
const WORD_BITS = 16;

/** A serial EEPROM of 64 or 256 words, which takes a bit and gives one when its clock rises. */
export class EepromModel {
  /** What is in it, to be spoilt. */
  readonly words: Uint16Array;
  /** Nobody drives the output when false. */
  answers = true;
  readonly #addressBits: number;
  #wires = 0;
  #bits = 0;
  #shifted = 0;
  #output = 1;

  /** One with this MAC address, and a sum that is right. */
  constructor(mac: readonly number[], addressBits: 6 | 8 = 6) {
    this.#addressBits = addressBits;
    this.words = new Uint16Array(1 << addressBits);
    for (let i = 0; i < 3; i++) this.words[i] = mac[2 * i] | mac[2 * i + 1] << 8;
    this.words[0x0a] = 0x4000;
    this.seal();
  }

  /** Makes the sum right. */
  seal(): void {
    const last = this.words.length - 1;
    const sum = this.words.subarray(0, last).reduce((total, word) => total + word, 0);
    this.words[last] = 0xbaba - sum;
  }

  read(): number {
    return this.#output === 0 ? 0 : EEDO;
  }

  write(wires: number): void {
    const before = this.#wires;
    this.#wires = wires;
    if ((wires & EECS) === 0) {
      this.#bits = this.#shifted = 0;
      this.#output = 1;
    } else if ((before & EECS) !== 0 && (wires & EESK) !== 0 && (before & EESK) === 0) {
      this.#rise((wires & EEDI) === 0 ? 0 : 1);
    }
  }

  #rise(bit: number): void {
    const head = COMMAND_BITS + this.#addressBits;
    // Zeros before the start bit are nothing.
    if (this.#bits === 0 && bit === 0) return;
    this.#bits++;
    if (this.#bits <= head) this.#shifted = this.#shifted << 1 | bit;
    if (!this.answers || this.#shifted >>> this.#addressBits !== READ_COMMAND) return;
    if (this.#bits === head) this.#output = 0;
    const nth = this.#bits - head - 1;
    if (nth < 0 || nth >= WORD_BITS) return;
    const address = this.#shifted & (this.words.length - 1);
    this.#output = this.words[address] >>> (WORD_BITS - 1 - nth) & 1;
  }
}
