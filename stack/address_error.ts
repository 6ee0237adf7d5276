/** An address that cannot be used: the message names the value and says what is wrong with it. */
export class AddressError extends Error {
  /** For messages and logs. */
  override readonly name = "AddressError";
}
