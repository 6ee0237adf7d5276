/** QEMU that can't be started, refuses an argument, or has gone. The message is one line for a user. */
export class QemuError extends Error {
  override readonly name = "QemuError";
}
