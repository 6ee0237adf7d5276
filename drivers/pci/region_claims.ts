import { PciError } from "./pci_error.ts";

/**
 * Who has the BARs of which function: two drivers must not write to the same registers. A function
 * is claimed whole, as no driver here shares one with another.
 */
export class RegionClaims {
  /** Owners by name of the function. */
  readonly #owners = new Map<string, string>();

  /** Claims the BARs of `name` for `owner`. `PciError` when they are claimed, whoever has them. */
  claim(name: string, owner: string): void {
    const holder = this.#owners.get(name);
    if (holder !== undefined) {
      throw new PciError(`${name} is busy: ${holder} has its registers, ${owner} can't`);
    }
    this.#owners.set(name, owner);
  }

  /** Gives them back. */
  release(name: string): void {
    this.#owners.delete(name);
  }
}
