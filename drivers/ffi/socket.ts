import { check } from "./errno.ts";
import { libc } from "./libc.ts";

/** socket(2). */
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/**
 * A socket of an address family, which no child process inherits; it's the caller's to close.
 * `type` may have `SOCK_NONBLOCK` in it.
 */
export function openSocket(family: number, type: number, protocol = 0): number {
  return check("socket", libc.socket(family, type | SOCK_CLOEXEC, protocol));
}

/** The same, bound to an address: a `struct sockaddr` of the family, in the order of its bytes. */
export function boundSocket(
  family: number,
  type: number,
  address: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  protocol = 0,
): number {
  const fd = openSocket(family, type, protocol);
  try {
    check("bind", libc.bind(fd, address, address.byteLength));
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}
