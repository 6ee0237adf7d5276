/** A virtio device that isn't as the specification says, or refuses what the driver needs. */
export class VirtioError extends Error {
  override readonly name = "VirtioError";
}
