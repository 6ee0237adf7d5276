/** An 8255x that isn't as its manual says, or that doesn't answer in time. */
export class E100Error extends Error {
  override readonly name = "E100Error";
}
