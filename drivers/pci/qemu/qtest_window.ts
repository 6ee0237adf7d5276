import { checkAccess, type RegisterWindow } from "../register_window.ts";
import type { QtestClient } from "./qtest_client.ts";

/** Registers at a guest-physical address, each access one exchange with QEMU (14 to 57 µs). */
export class QtestWindow implements RegisterWindow {
  readonly byteLength: number;
  readonly #qtest: QtestClient;
  readonly #address: number;

  constructor(qtest: QtestClient, address: number, byteLength: number) {
    this.#qtest = qtest;
    this.#address = address;
    this.byteLength = byteLength;
  }

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

  #read(offset: number, width: 1 | 2 | 4): number {
    checkAccess(offset, width, this.byteLength);
    return this.#qtest.read(this.#address + offset, width);
  }

  #write(offset: number, width: 1 | 2 | 4, value: number): void {
    checkAccess(offset, width, this.byteLength);
    this.#qtest.write(this.#address + offset, width, value);
  }
}
