/** A card of this machine that can't be had, or can't go on; one line says why, and what to do. */
export class VfioError extends Error {
  override readonly name = "VfioError";
}
