import { waitReadable } from "../../ffi/fd_waiter.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { QemuError } from "./qemu_error.ts";

/** A reply takes a millisecond; only a QEMU that is stuck takes longer. */
const REPLY_TIMEOUT_MS = 10_000;

/** Events that are kept until somebody asks for them. */
const MAX_EVENTS = 64;

/** Something that happened in QEMU. */
export interface QmpEvent {
  /** Its name, such as `DEVICE_DELETED`. */
  readonly event: string;
  /** What goes with it, as QEMU's documentation of the event has it; null when there's nothing. */
  readonly data: unknown;
}

/**
 * QEMU's machine protocol (docs/interop/qmp-spec.txt): one JSON object a line each way, commands and
 * their answers, and events in between. Synchronous, for the few commands that there are.
 */
export class QmpClient {
  readonly #socket: UnixSocket;
  readonly #buffer = new Uint8Array(4096);
  readonly #decoder = new TextDecoder();
  #received = "";
  /** Events that nobody asked for yet, the latest of them. */
  readonly #events: QmpEvent[] = [];

  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  /**
   * Runs a command and waits for its answer, which is returned; `qmp_capabilities` has to be the
   * first one. `QemuError` when QEMU refuses it or says nothing, `ErrnoError` when it has gone.
   */
  execute(command: string, options: Readonly<Record<string, unknown>> = {}): unknown {
    const question = Object.keys(options).length === 0
      ? { execute: command }
      : { execute: command, arguments: options };
    this.#socket.send(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    for (;;) {
      const message = this.#message(command);
      if ("return" in message) return message.return;
      if ("error" in message) {
        throw new QemuError(`QEMU answered ${JSON.stringify(message)} to ${command}`);
      }
      this.#keep(message);
    }
  }

  /** The next event of this name, which is waited for unless it came before. Errors as above. */
  event(name: string): QmpEvent {
    for (;;) {
      const found = this.#events.findIndex((event) => event.event === name);
      if (found >= 0) return this.#events.splice(found, 1)[0];
      this.#keep(this.#message(name));
    }
  }

  /** Keeps an event. The greeting is none. */
  #keep(message: object): void {
    if (!("event" in message) || typeof message.event !== "string") return;
    const data = "data" in message ? message.data : null;
    this.#events.push({ event: message.event, data });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  #message(awaited: string): object {
    const line = this.#line(awaited);
    const message: unknown = JSON.parse(line);
    if (typeof message === "object" && message !== null) return message;
    throw new QemuError(`QEMU said ${line} where ${awaited} was awaited`);
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
