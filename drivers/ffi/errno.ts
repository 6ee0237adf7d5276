import { libc } from "./libc.ts";

/** errno values that callers act upon (errno(3)). */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EROFS = 30;
export const EPIPE = 32;
export const EBADFD = 77;
export const EADDRINUSE = 98;
export const ECONNREFUSED = 111;

/** A C library call that failed: which one, and why, in the C library's own words. */
export class ErrnoError extends Error {
  override readonly name = "ErrnoError";
  /** The C function that failed. */
  readonly call: string;
  /** The value of errno after it. */
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${describe(errno)}`);
    this.call = call;
    this.errno = errno;
  }
}

/** Where this thread keeps its errno: looked up once, so that reading it makes no object. */
const ERRNO = new Int32Array(errnoCell());

/** The errno of the last call that failed on this thread. Read it before any other call. */
export function errno(): number {
  return ERRNO[0];
}

/** Passes the result of a call on, or throws {@link ErrnoError} when it is negative. */
export function check(call: string, result: number): number {
  if (result < 0) throw new ErrnoError(call, errno());
  return result;
}

function errnoCell(): ArrayBuffer {
  const location = libc.__errno_location();
  if (location === null) throw new Error("the C library has no errno");
  return Deno.UnsafePointerView.getArrayBuffer(location, 4);
}

function describe(errno: number): string {
  const text = libc.strerror(errno);
  return text === null ? `errno ${errno}` : Deno.UnsafePointerView.getCString(text);
}
