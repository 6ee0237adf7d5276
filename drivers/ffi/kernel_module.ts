import { check, errno, ErrnoError } from "./errno.ts";
import { cString, libc } from "./libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
/** errno(3): the module is there already. */
const EEXIST = 17;

/** asm/unistd_64.h. */
const FINIT_MODULE_X86_64 = 313n;
const NO_FLAGS = 0;

/**
 * Loads the module in this file (init_module(2)), which has to be uncompressed. One that's loaded
 * already is left alone. `parameters` are the module's own, as modprobe(8) takes them. `ErrnoError`
 * names the file: ENOENT without it or without a module that it needs, ENOEXEC when it's for another
 * kernel, EPERM for who isn't root.
 */
export function loadKernelModule(path: string, parameters = ""): void {
  const fd = check(`open ${path}`, libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0));
  try {
    const values = cString(parameters);
    const result = libc.finit_module(FINIT_MODULE_X86_64, fd, values, NO_FLAGS);
    if (result < 0 && errno() !== EEXIST) {
      throw new ErrnoError(`finit_module ${path}`, errno());
    }
  } finally {
    libc.close(fd);
  }
}
