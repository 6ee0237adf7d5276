import type { AccessWidth } from "../pci_address.ts";
import { CheckedRegisters } from "../register_window.ts";
import type { QtestClient } from "./qtest_client.ts";

/**
 * Registers in one of QEMU's address spaces. A read is an exchange with it (14 to 57 µs); a write is
 * posted, as on a real bus (1.4 to 4.7 µs), and done when the next read returns. With QEMU gone a read is all ones,
 * as on a bus where nobody answers.
 */
abstract class QtestRegisters extends CheckedRegisters {
  readonly #qtest: QtestClient;

  constructor(qtest: QtestClient, byteLength: number) {
    super(byteLength);
    this.#qtest = qtest;
  }

  protected abstract exchange(offset: number, width: AccessWidth): number;

  protected override load(offset: number, width: AccessWidth): number {
    try {
      return this.exchange(offset, width);
    } catch (error) {
      if (!this.#qtest.closed) throw error;
      return 2 ** (8 * width) - 1;
    }
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

  protected override exchange(offset: number, width: AccessWidth): number {
    return this.#qtest.read(this.#address + offset, width);
  }

  protected override store(offset: number, width: AccessWidth, value: number): void {
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

  protected override exchange(offset: number, width: AccessWidth): number {
    return this.#qtest.in(this.#port + offset, width);
  }

  protected override store(offset: number, width: AccessWidth, value: number): void {
    this.#qtest.postOut(this.#port + offset, width, value);
  }
}
