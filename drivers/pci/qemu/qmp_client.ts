import { waitReadable } from "../../ffi/fd_waiter.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { QemuError } from "./qemu_error.ts";

/** A reply takes a millisecond; only a QEMU that is stuck takes longer. */
const REPLY_TIMEOUT_MS = 10_000;

/**
 * QEMU's machine protocol (docs/interop/qmp-spec.txt), as far as commands without arguments: one
 * JSON object a line each way. Synchronous, for the few commands that there are at start-up.
 */
export class QmpClient {
  readonly #socket: UnixSocket;
  readonly #buffer = new Uint8Array(4096);
  readonly #decoder = new TextDecoder();
  #received = "";

  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  /**
   * Runs a command and waits for its answer; `qmp_capabilities` has to be the first one. `QemuError`
   * when QEMU refuses it or says nothing, `ErrnoError` when it has gone.
   */
  execute(command: string): void {
    this.#socket.send(new TextEncoder().encode(`${JSON.stringify({ execute: command })}\n`));
    for (;;) {
      const line = this.#line(command);
      const message: unknown = JSON.parse(line);
      if (typeof message !== "object" || message === null || "return" in message) return;
      // The greeting and events come in between.
      if ("error" in message) throw new QemuError(`QEMU answered ${line} to ${command}`);
    }
  }

  #line(command: string): string {
    for (;;) {
      const end = this.#received.indexOf("\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        return line.trimEnd();
      }
      if (!waitReadable(this.#socket.fd, REPLY_TIMEOUT_MS)) {
        throw new QemuError(`QEMU did not answer ${command} within ${REPLY_TIMEOUT_MS} ms`);
      }
      const count = this.#socket.receive(this.#buffer);
      if (count === 0) throw new QemuError(`QEMU closed its monitor at ${command}`);
      if (count > 0) {
        this.#received += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
      }
    }
  }
}
