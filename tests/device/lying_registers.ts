import type { SeededRandom } from "../stack/seeded_random.ts";
import type { RecordedWindow, Registers, Width } from "./recorded_window.ts";

/** Registers that may be looked at before it's clear that somebody looks for ever. */
const PATIENCE = 100_000;

/** How many of a device's answers are lies, and what they are. */
export class Liar {
  readonly #random: SeededRandom;
  /** One answer in so many is a lie; 0: none. */
  readonly #lies: number;
  #looks = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#lies = [0, 200, 50, 20, 5][random.below(5)];
  }

  /** Whether the next answer is one. */
  isLie(): boolean {
    return this.#lies > 0 && this.#random.below(this.#lies) === 0;
  }

  /** A lie of so many bytes. */
  noise(width: Width): number {
    const value = this.#random.int32() >>> 0;
    return width === 4 ? value : value % (width === 1 ? 0x100 : 0x1_0000);
  }

  /** Somebody looks at the device. Throws when that has no end. */
  look(): void {
    if (++this.#looks > PATIENCE) throw new Error(`registers are looked at ${PATIENCE} times`);
  }
}

/** Registers that may change from one read to the next. Where there's none, noise is read. */
export class LyingRegisters implements Registers {
  readonly #liar: Liar;
  readonly #behind: RecordedWindow | null;

  constructor(liar: Liar, behind: RecordedWindow | null) {
    this.#liar = liar;
    this.#behind = behind;
  }

  read(offset: number, width: Width): number {
    const behind = this.#behind;
    this.#liar.look();
    if (behind === null || this.#liar.isLie()) return this.#liar.noise(width);
    try {
      if (width === 1) return behind.read8(offset);
      return width === 2 ? behind.read16(offset) : behind.read32(offset);
    } catch {
      return this.#liar.noise(width);
    }
  }

  write(offset: number, width: Width, value: number): void {
    this.#liar.look();
    try {
      if (width === 1) this.#behind?.write8(offset, value);
      else if (width === 2) this.#behind?.write16(offset, value);
      else this.#behind?.write32(offset, value);
    } catch {
      // What makes no sense to the device is lost.
    }
  }
}
