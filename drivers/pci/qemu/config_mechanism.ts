import type { AccessWidth, PciAddress } from "../pci_address.ts";
import type { QtestClient } from "./qtest_client.ts";

/** I/O ports of configuration mechanism #1 (PCI 3.0 §3.2.2.3.2). */
const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
const CONFIG_ENABLE = 0x8000_0000;

/** Configuration space by two ports: one says which register, the other is its window. */
export class ConfigMechanism {
  readonly #qtest: QtestClient;

  constructor(qtest: QtestClient) {
    this.#qtest = qtest;
  }

  /** All ones where there is no function, and when QEMU has gone. */
  read(address: PciAddress, offset: number, width: AccessWidth): number {
    try {
      this.#qtest.postOut(CONFIG_ADDRESS, 4, configAddress(address, offset));
      return this.#qtest.in(CONFIG_DATA + (offset & 3), width);
    } catch (error) {
      if (this.#qtest.closed) return 2 ** (8 * width) - 1;
      throw error;
    }
  }

  /** Is done when it returns: a function that loses its access to memory has none any more. */
  write(address: PciAddress, offset: number, width: AccessWidth, value: number): void {
    try {
      this.#qtest.postOut(CONFIG_ADDRESS, 4, configAddress(address, offset));
      this.#qtest.out(CONFIG_DATA + (offset & 3), width, value);
    } catch (error) {
      if (!this.#qtest.closed) throw error;
    }
  }
}

function configAddress({ bus, device, function: number }: PciAddress, offset: number): number {
  return (CONFIG_ENABLE | bus << 16 | device << 11 | number << 8 | offset & 0xfc) >>> 0;
}
