import { check, EINTR, errno, ErrnoError } from "./errno.ts";
import { compiled, cString, libc } from "./libc.ts";

const write = compiled("write");

const O_WRONLY = 0o1;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_CLOEXEC = 0o2000000;
/** For all to read and write, less what the user's umask says. */
const MODE = 0o666;

/** A file that is written from its start to its end; what it held before is gone. */
export class OutputFile implements Disposable {
  readonly #fd: number;
  #closed = false;

  /** Opens or makes the file. {@link ErrnoError} when it can't be written. */
  constructor(path: string) {
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    for (;;) {
      this.#fd = libc.open(cString(path), flags, MODE);
      // The open of a FIFO waits for its reader, and a signal may come meanwhile.
      if (this.#fd >= 0) break;
      if (errno() !== EINTR) throw new ErrnoError("open", errno());
    }
  }

  /** Appends what the file takes of `bytes`: how many, at least one. {@link ErrnoError} for none. */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    for (;;) {
      const n = write(this.#fd, bytes, BigInt(bytes.length));
      if (n >= 0) return n;
      if (errno() !== EINTR) throw new ErrnoError("write", errno());
    }
  }

  /** Cuts the file off after `byteLength` bytes. {@link ErrnoError} for what can't be cut: a FIFO. */
  truncate(byteLength: number): void {
    check("ftruncate", libc.ftruncate(this.#fd, BigInt(byteLength)));
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    check("close", libc.close(this.#fd));
  }
}
