/** A bus or a function that is not as the PCI specification says. */
export class PciError extends Error {
  override readonly name = "PciError";
}
