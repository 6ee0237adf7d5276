import { check, EBUSY, errno } from "./errno.ts";
import { cString, libc } from "./libc.ts";

const NO_FLAGS = 0n;

/**
 * Mounts a file system of the kernel's own, such as proc, on the folder `target`. One that's there
 * already is left alone. `ErrnoError` ENOENT without such a folder, ENODEV when the kernel has no
 * such file system, EPERM for who isn't root.
 */
export function mountKernelFileSystem(type: string, target: string): void {
  const name = cString(type);
  if (libc.mount(name, cString(target), name, NO_FLAGS, null) === 0 || errno() === EBUSY) return;
  check(`mount ${target}`, -1);
}
