/** A command line that can't be carried out: the message says which argument and what would do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
