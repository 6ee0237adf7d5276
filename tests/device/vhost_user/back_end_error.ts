/** The front-end broke a rule, or is gone: one line that says how. */
export class BackEndError extends Error {
  override readonly name = "BackEndError";
}
