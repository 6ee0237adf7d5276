import { check } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { interfaceRequest } from "./network_interface_control.ts";

const O_RDWR = 0o2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

/** linux/if_tun.h: `_IOW('T', 202, int)` and `_IOW('T', 208, unsigned int)`. */
const TUNSETIFF = 0x4004_54can;
const TUNSETOFFLOAD = 0x4004_54d0n;
/** An Ethernet device, and nothing in front of the frames. */
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;

/** Opens /dev/net/tun, non-blocking. `ErrnoError` from `open`. The caller closes it. */
export function openTun(): number {
  return check("open", libc.open(cString("/dev/net/tun"), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0));
}

/**
 * Makes `fd` the far end of the TAP interface `name`, which is created when there is none and then
 * lives as long as `fd`. A read is one frame from then on, cut off where the buffer ends, and so is a
 * write. `ErrnoError` EBUSY when it has a far end, EINVAL when it is no TAP interface, EPERM.
 */
export function attachTap(fd: number, name: string): void {
  const request = interfaceRequest(name);
  new Uint16Array(request.buffer, 16, 1)[0] = IFF_TAP | IFF_NO_PI;
  check("ioctl(TUNSETIFF)", libc.ioctl(fd, TUNSETIFF, request));
  // What was attached before may have left checksums to be filled in by its reader.
  check("ioctl(TUNSETOFFLOAD)", libc.ioctl(fd, TUNSETOFFLOAD, null));
}
