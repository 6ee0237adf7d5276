import { ErrnoError } from "../../ffi/errno.ts";
import { POLLIN, POLLOUT, ReadyProbe } from "../../ffi/fd_waiter.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { LineReader } from "./line_reader.ts";
import { QemuError } from "./qemu_error.ts";
import { QtestCommand } from "./qtest_command.ts";

/** A reply takes some 20 µs; only a QEMU that is starting or stuck takes longer. */
const REPLY_TIMEOUT_MS = 10_000;

/** Posted writes without an answer: QEMU's answers to so many fit the socket, so it never waits. */
const MAX_POSTED = 64;

type Width = 1 | 2 | 4;

const IN = verbs("in");
const OUT = verbs("out");
const READ = verbs("read");
const WRITE = verbs("write");

const CLOSED = "QEMU closed its control connection";

const OK = text("OK");
const OK_VALUE = text("OK 0x");
const OK_SPACE = text("OK ");
const IRQ_RAISE = text("IRQ raise ");
const IRQ_LOWER = text("IRQ lower ");

/**
 * QEMU's qtest protocol (docs/devel/qtest.rst): one line asks for an access to guest memory or an
 * I/O port, one line answers, and lines that tell of interrupts come in between. Reads and writes
 * are synchronous. A write can be posted as well, as on a real bus: QEMU gets to it in order, and
 * whatever waits for an answer afterwards waits for that one, too. Nothing is allocated, as a driver
 * may write a register for each burst of packets.
 */
export class QtestClient {
  /**
   * Called when an interrupt line that QEMU was told to watch is raised or lowered. That may be in
   * the middle of another access, so it's only to be noted.
   */
  onIrq: (line: number, raised: boolean) => void = () => {};
  readonly #socket: UnixSocket;
  readonly #lines: LineReader;
  readonly #command = new QtestCommand();
  readonly #readable: ReadyProbe;
  readonly #writable: ReadyProbe;
  #posted = 0;
  /** What QEMU said to the first posted write that it refused. */
  #refusal: QemuError | null = null;
  #closed = false;

  constructor(socket: UnixSocket) {
    this.#socket = socket;
    this.#lines = new LineReader(socket);
    this.#readable = new ReadyProbe(socket.fd, POLLIN);
    this.#writable = new ReadyProbe(socket.fd, POLLOUT);
  }

  /** Whether QEMU was found to have closed the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Reads from an I/O port. */
  in(port: number, width: Width): number {
    return this.#value(IN[width], port);
  }

  /** Writes to an I/O port. */
  out(port: number, width: Width, value: number): void {
    this.#command.tell(OUT[width], port, value);
    this.#tell();
  }

  /** Reads from a guest-physical address. */
  read(address: number, width: Width): number {
    return this.#value(READ[width], address);
  }

  /** Writes to a guest-physical address. */
  write(address: number, width: Width, value: number): void {
    this.#command.tell(WRITE[width], address, value);
    this.#tell();
  }

  /**
   * Writes to an I/O port without waiting for it to be done. A write that QEMU refuses is a
   * `QemuError` of a later call; with QEMU gone it's lost.
   */
  postOut(port: number, width: Width, value: number): void {
    this.#command.tell(OUT[width], port, value);
    this.#post();
  }

  /** The same to a guest-physical address. */
  postWrite(address: number, width: Width, value: number): void {
    this.#command.tell(WRITE[width], address, value);
    this.#post();
  }

  /** Has QEMU tell of the interrupts that reach a device of its own, such as `ioapic`. Only once. */
  interceptIrqs(device: string): void {
    this.#command.say(`irq_intercept_in ${device}`);
    this.#tell();
  }

  /** Waits until all posted writes are done. Nothing when there are none, or when QEMU has gone. */
  flush(): void {
    if (this.#posted === 0 || this.#closed) return;
    try {
      this.#awaitPosted();
    } catch (error) {
      if (!this.#closed) throw error;
    }
    this.#finish();
  }

  /** Takes what is there to be read, without waiting. Nothing when QEMU has gone. */
  drain(): void {
    try {
      while (!this.#closed && this.#receive()) this.#takeLines();
    } catch (error) {
      if (!this.#closed) throw error;
    }
    this.#finish();
  }

  #value(verb: Uint8Array, address: number): number {
    this.#command.ask(verb, address);
    this.#exchange();
    const value = this.#lines.has(OK_VALUE) ? this.#lines.number(OK_VALUE.length, 16) : NaN;
    if (Number.isNaN(value)) throw this.#unexpected();
    this.#finish();
    return value;
  }

  #tell(): void {
    this.#exchange();
    this.#finish();
  }

  #post(): void {
    if (this.#closed) return;
    try {
      this.#send();
    } catch (error) {
      if (this.#closed) return;
      throw error;
    }
    this.#posted++;
    if (this.#posted >= MAX_POSTED) this.flush();
  }

  /** Sends the command and waits for its answer, which is the line that was read last then. */
  #exchange(): void {
    this.#send();
    this.#awaitPosted();
    this.#awaitAnswer();
    if (!this.#isOk()) throw this.#unexpected();
  }

  /** Behind an exchange: no line may be left that nothing would wake us for. */
  #finish(): void {
    this.#takeLines();
    const refusal = this.#refusal;
    if (refusal === null) return;
    this.#refusal = null;
    throw refusal;
  }

  #send(): void {
    const { bytes, length } = this.#command;
    let sent = 0;
    while (sent < length) {
      const count = this.#sendSome(bytes, sent, length - sent);
      if (count > 0) sent += count;
      else if (!this.#writable.wait(REPLY_TIMEOUT_MS)) throw silent();
    }
  }

  #sendSome(bytes: Uint8Array<ArrayBuffer>, from: number, length: number): number {
    try {
      return this.#socket.sendSome(bytes, from, length);
    } catch (cause) {
      throw this.#broken(cause);
    }
  }

  #awaitPosted(): void {
    while (this.#posted > 0) {
      this.#awaitAnswer();
      this.#settle();
    }
  }

  /** Reads on to the next line that is an answer. */
  #awaitAnswer(): void {
    for (;;) {
      while (this.#lines.next()) {
        if (!this.#isIrq()) return;
      }
      if (!this.#readable.wait(REPLY_TIMEOUT_MS)) throw silent();
      this.#receive();
      if (this.#closed) throw new QemuError(CLOSED);
    }
  }

  /** The interrupts and answers to posted writes that are there. */
  #takeLines(): void {
    while (this.#lines.next()) {
      if (this.#isIrq()) continue;
      if (this.#posted === 0) return this.#lines.unread();
      this.#settle();
    }
  }

  /** Takes the answer to the oldest posted write. */
  #settle(): void {
    this.#posted--;
    if (this.#isOk()) return;
    this.#refusal ??= new QemuError(`QEMU answered "${this.#lines.text()}" to a posted write`);
  }

  /** Whether the line tells of an interrupt; if so, it's told on. */
  #isIrq(): boolean {
    const raised = this.#lines.has(IRQ_RAISE);
    if (!raised && !this.#lines.has(IRQ_LOWER)) return false;
    const line = this.#lines.number(IRQ_RAISE.length, 10);
    if (Number.isNaN(line)) return false;
    this.onIrq(line, raised);
    return true;
  }

  #isOk(): boolean {
    return this.#lines.has(OK_SPACE) || this.#lines.length === OK.length && this.#lines.has(OK);
  }

  /** Whether there was something to receive. */
  #receive(): boolean {
    try {
      const received = this.#lines.receive();
      if (received === "closed") this.#closed = true;
      return received === "some";
    } catch (cause) {
      throw this.#broken(cause);
    }
  }

  #broken(cause: unknown): unknown {
    if (!(cause instanceof ErrnoError)) return cause;
    this.#closed = true;
    return new QemuError(CLOSED, { cause });
  }

  #unexpected(): QemuError {
    return new QemuError(`QEMU answered "${this.#lines.text()}" to ${this.#command.text()}`);
  }
}

function silent(): QemuError {
  return new QemuError(`QEMU has not answered for ${REPLY_TIMEOUT_MS / 1000} s`);
}

function text(ascii: string): Uint8Array {
  return new TextEncoder().encode(ascii);
}

/** Commands by width of the access. */
function verbs(verb: string): Readonly<Record<Width, Uint8Array>> {
  return { 1: text(`${verb}b`), 2: text(`${verb}w`), 4: text(`${verb}l`) };
}
