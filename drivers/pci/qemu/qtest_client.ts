import { ErrnoError } from "../../ffi/errno.ts";
import { waitReadable } from "../../ffi/fd_waiter.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { QemuError } from "./qemu_error.ts";

/** A reply takes some 20 µs; only a QEMU that is starting or stuck takes longer. */
const REPLY_TIMEOUT_MS = 10_000;

type Width = 1 | 2 | 4;

const MEMORY_SUFFIX = { 1: "b", 2: "w", 4: "l" } as const;
const PORT_SUFFIX = MEMORY_SUFFIX;

/**
 * QEMU's qtest protocol (docs/devel/qtest.rst): one line asks for an access to guest memory or an
 * I/O port, one line answers. Synchronous, as it serves register accesses, which come a few hundred
 * at start-up and none per packet.
 */
export class QtestClient {
  readonly #socket: UnixSocket;
  readonly #buffer = new Uint8Array(4096);
  #received = "";
  #closed = false;

  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  /** Whether QEMU was found to have closed the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Reads from an I/O port. */
  in(port: number, width: Width): number {
    return this.#value(`in${PORT_SUFFIX[width]} 0x${port.toString(16)}`);
  }

  /** Writes to an I/O port. */
  out(port: number, width: Width, value: number): void {
    this.#ask(`out${PORT_SUFFIX[width]} 0x${port.toString(16)} 0x${unsigned(value)}`);
  }

  /** Reads from a guest-physical address. */
  read(address: number, width: Width): number {
    return this.#value(`read${MEMORY_SUFFIX[width]} 0x${address.toString(16)}`);
  }

  /** Writes to a guest-physical address. */
  write(address: number, width: Width, value: number): void {
    this.#ask(`write${MEMORY_SUFFIX[width]} 0x${address.toString(16)} 0x${unsigned(value)}`);
  }

  #value(command: string): number {
    const reply = this.#ask(command);
    const value = /^OK 0x[0-9a-f]+$/i.test(reply) ? Number(reply.slice("OK ".length)) : NaN;
    if (!Number.isSafeInteger(value)) {
      throw new QemuError(`QEMU answered "${reply}" to ${command}`);
    }
    return value;
  }

  #ask(command: string): string {
    const reply = this.#exchange(command);
    if (reply === "OK" || reply.startsWith("OK ")) return reply;
    throw new QemuError(`QEMU answered "${reply}" to ${command}`);
  }

  #exchange(command: string): string {
    try {
      this.#socket.send(new TextEncoder().encode(`${command}\n`));
      return this.#line();
    } catch (cause) {
      if (!(cause instanceof ErrnoError)) throw cause;
      this.#closed = true;
      throw new QemuError("QEMU closed its control connection", { cause });
    }
  }

  #line(): string {
    for (;;) {
      const end = this.#received.indexOf("\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        return line;
      }
      if (!waitReadable(this.#socket.fd, REPLY_TIMEOUT_MS)) {
        throw new QemuError(`QEMU has not answered for ${REPLY_TIMEOUT_MS / 1000} s`);
      }
      const count = this.#socket.receive(this.#buffer);
      if (count === 0) {
        this.#closed = true;
        throw new QemuError("QEMU closed its control connection");
      }
      if (count > 0) this.#received += new TextDecoder().decode(this.#buffer.subarray(0, count));
    }
  }
}

function unsigned(value: number): string {
  return (value >>> 0).toString(16);
}
