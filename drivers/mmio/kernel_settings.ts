import { ErrnoError } from "../ffi/errno.ts";
import { readSpecial, writeSpecial } from "../ffi/special_file.ts";

/** Linux, Documentation/admin-guide/sysctl/vm.rst. */
const COMPACT_UNEVICTABLE_ALLOWED = "/proc/sys/vm/compact_unevictable_allowed";
/** Linux, Documentation/admin-guide/mm/transhuge.rst. */
const TRANSPARENT_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled";

/**
 * Has the kernel leave locked pages where they are: it would move them, too, to make larger pieces of
 * what is free. One that has no such setting doesn't.
 */
export function keepLockedPagesInPlace(path = COMPACT_UNEVICTABLE_ALLOWED): void {
  set(path, "0");
}

/**
 * Has the kernel make huge pages for who asks for them, until this is disposed: on a machine with less
 * than 512 MiB it makes none by itself. Pages that were made stay.
 */
export function letHugePagesBeMade(path = TRANSPARENT_HUGE_PAGES): Disposable {
  if (!read(path).includes("[never]")) return { [Symbol.dispose]: () => {} };
  set(path, "madvise");
  return { [Symbol.dispose]: () => set(path, "never") };
}

/** Nothing for a setting that isn't there, or that this user may not change: it's made do without. */
function set(path: string, value: string): void {
  try {
    writeSpecial(path, value);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}

function read(path: string): string {
  try {
    return readSpecial(path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    return "";
  }
}
