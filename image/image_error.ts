/** The image can't be built: what failed, and what to do. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}
