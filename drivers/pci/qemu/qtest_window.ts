import { checkAccess, type RegisterWindow } from "../register_window.ts";
import type { QtestClient } from "./qtest_client.ts";

type Width = 1 | 2 | 4;

/**
 * Registers in one of QEMU's address spaces. A read is an exchange with it (14 to 57 µs); a write is
 * posted, as on a real bus (1.4 to 4.7 µs), and done when the next read returns. With QEMU gone a read is all ones,
 * as on a bus where nobody answers.
 */
abstract class QtestRegisters implements RegisterWindow {
  readonly byteLength: number;
  readonly #qtest: QtestClient;

  constructor(qtest: QtestClient, byteLength: number) {
    this.#qtest = qtest;
    this.byteLength = byteLength;
  }

  /** One access of this width, at an offset that was checked. */
  protected abstract load(offset: number, width: Width): number;
  protected abstract store(offset: number, width: Width, value: number): void;

  read8(offset: number): number {
    return this.#read(offset, 1);
  }

  read16(offset: number): number {
    return this.#read(offset, 2);
  }

  read32(offset: number): number {
    return this.#read(offset, 4);
  }

  write8(offset: number, value: number): void {
    this.#write(offset, 1, value);
  }

  write16(offset: number, value: number): void {
    this.#write(offset, 2, value);
  }

  write32(offset: number, value: number): void {
    this.#write(offset, 4, value);
  }

  #read(offset: number, width: Width): number {
    checkAccess(offset, width, this.byteLength);
    try {
      return this.load(offset, width);
    } catch (error) {
      if (!this.#qtest.closed) throw error;
      return 2 ** (8 * width) - 1;
    }
  }

  #write(offset: number, width: Width, value: number): void {
    checkAccess(offset, width, this.byteLength);
    this.store(offset, width, value);
  }
}

/** Registers at a guest-physical address. */
export class QtestWindow extends QtestRegisters {
  readonly #qtest: QtestClient;
  readonly #address: number;

  constructor(qtest: QtestClient, address: number, byteLength: number) {
    super(qtest, byteLength);
    this.#qtest = qtest;
    this.#address = address;
  }

  protected override load(offset: number, width: Width): number {
    return this.#qtest.read(this.#address + offset, width);
  }

  protected override store(offset: number, width: Width, value: number): void {
    this.#qtest.postWrite(this.#address + offset, width, value);
  }
}

/** Registers at I/O ports. */
export class QtestPortWindow extends QtestRegisters {
  readonly #qtest: QtestClient;
  readonly #port: number;

  constructor(qtest: QtestClient, port: number, byteLength: number) {
    super(qtest, byteLength);
    this.#qtest = qtest;
    this.#port = port;
  }

  protected override load(offset: number, width: Width): number {
    return this.#qtest.in(this.#port + offset, width);
  }

  protected override store(offset: number, width: Width, value: number): void {
    this.#qtest.postOut(this.#port + offset, width, value);
  }
}
