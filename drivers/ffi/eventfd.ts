import { check, EAGAIN, errno, ErrnoError } from "./errno.ts";
import { libc } from "./libc.ts";
import { OftenCalled } from "./often_called.ts";

const eventfdRead = new OftenCalled("eventfd_read");
const eventfdWrite = new OftenCalled("eventfd_write");

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** A counter in the kernel that one side bumps and the other sleeps on (eventfd(2)). */
export class Eventfd implements Disposable {
  readonly fd: number;
  readonly #value = new BigUint64Array(1);
  #closed = false;

  constructor() {
    this.fd = check("eventfd", libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  }

  /** Adds one, which makes the descriptor readable. One system call, and nothing allocated. */
  signal(): void {
    // A full counter (EAGAIN) is as readable as it can be, so there is nothing to do about it.
    if (this.#write() < 0 && errno() !== EAGAIN) {
      throw new ErrnoError("eventfd_write", errno());
    }
  }

  /** Takes the counter back to zero; whether it was above. */
  drain(): boolean {
    if (this.#read() === 0) return true;
    if (errno() === EAGAIN) return false;
    throw new ErrnoError("eventfd_read", errno());
  }

  #read(): number {
    const { compiled } = eventfdRead;
    if (compiled !== null) return compiled(this.fd, this.#value);
    eventfdRead.count();
    return libc.eventfd_read(this.fd, this.#value);
  }

  #write(): number {
    const { compiled } = eventfdWrite;
    if (compiled !== null) return compiled(this.fd, 1n);
    eventfdWrite.count();
    return libc.eventfd_write(this.fd, 1n);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    check("close", libc.close(this.fd));
  }
}
