/** What kind of failure a {@link NetdevError} is, by the errno name that uk_netdev would return. */
export type NetdevErrorCode =
  /** A value or a state that the call does not allow. */
  | "EINVAL"
  /** The device or its driver cannot do this. */
  | "ENOTSUP"
  /** The user may not do this. */
  | "EPERM"
  /** Already done, and it cannot be done twice. */
  | "EBUSY"
  /** Another has that name. */
  | "EEXIST"
  /** More descriptors or queues than the device has. */
  | "ENOBUFS"
  /** No room left in the buffer or the region. */
  | "ENOSPC"
  /** No device of that number, or the device is gone. */
  | "ENODEV"
  /** The device broke its contract. */
  | "EIO";

/** A refused netdev call: the message says what was refused, with what value, and what would do. */
export class NetdevError extends Error {
  /** `NetdevError`. */
  override readonly name = "NetdevError";
  /** What kind of failure it is. */
  readonly code: NetdevErrorCode;

  /** `message` is one line for a user. */
  constructor(code: NetdevErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
