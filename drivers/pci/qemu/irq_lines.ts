import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import type { IrqHandler, IrqLine } from "../pci_host.ts";
import type { QtestClient } from "./qtest_client.ts";

/** QEMU's name of the interrupt controller, and its inputs. */
const CONTROLLER = "ioapic";
const INPUTS = 24;

/** Times that a line is served in a row before everything else has its turn. */
const ROUNDS = 16;

/** One input of the interrupt controller. */
interface Input {
  high: boolean;
  /** Times it was raised: whether that happened since somebody looked. */
  raises: number;
  /** It's high, and nobody wants to have raised it: not served until it was low. */
  stuck: boolean;
  readonly members: Member[];
}

/**
 * The inputs of the machine's interrupt controller, as QEMU tells of them. They are level-triggered,
 * and devices share them: whoever is connected to a line that is high is asked whether it was his
 * device, until the line is low. What QEMU tells in the middle of a register access is noted;
 * handlers run from the waiter alone.
 */
export class IrqLines implements Disposable {
  readonly #qtest: QtestClient;
  readonly #waiter: FdWaiter;
  readonly #socketFd: number;
  readonly #inputs: readonly Input[] = Array.from({ length: INPUTS }, () => ({
    high: false,
    raises: 0,
    stuck: false,
    members: [],
  }));
  /** Ends a sleep for what was noted meanwhile. */
  readonly #event = new Eventfd();
  #signalled = false;
  #unclaimed = 0;
  #watching = false;

  /** `socketFd` is the descriptor of the qtest connection, on which QEMU tells of interrupts. */
  constructor(qtest: QtestClient, socketFd: number, waiter: FdWaiter) {
    this.#qtest = qtest;
    this.#socketFd = socketFd;
    this.#waiter = waiter;
    qtest.onIrq = (input, raised) => this.#note(input, raised);
  }

  /** Times a line was raised that no handler answered for. */
  get unclaimed(): number {
    return this.#unclaimed;
  }

  /** Has QEMU tell of interrupts. */
  start(): void {
    this.#qtest.interceptIrqs(CONTROLLER);
    this.#watching = true;
    this.#waiter.add(this.#socketFd, () => this.#told());
    this.#waiter.add(this.#event.fd, () => {
      this.#event.drain();
      this.#serve();
    });
  }

  /** A place on the line at this input, beside those that have one. */
  line(input: number): IrqLine {
    return new Member(this.#inputs[input].members, () => this.#askAgain(input));
  }

  [Symbol.dispose](): void {
    if (this.#watching) this.#stopWatching();
    // Also when QEMU has closed the connection before: the waiter outlives it.
    this.#waiter.remove(this.#event.fd);
    this.#event[Symbol.dispose]();
  }

  #stopWatching(): void {
    this.#watching = false;
    this.#waiter.remove(this.#socketFd);
  }

  #note(number: number, raised: boolean): void {
    if (number >= INPUTS) return;
    const input = this.#inputs[number];
    input.high = raised;
    if (!raised) {
      input.stuck = false;
      return;
    }
    input.raises++;
    if (input.members.length > 0) this.#signal();
  }

  /** Somebody new is there for a line that may be high already. */
  #askAgain(number: number): void {
    const input = this.#inputs[number];
    input.stuck = false;
    if (input.high) this.#signal();
  }

  #signal(): void {
    if (this.#signalled) return;
    this.#signalled = true;
    this.#event.signal();
  }

  /** The qtest connection has something to say, or is closed: then it would say so for ever. */
  #told(): void {
    this.#signalled = true; // What is noted here needs no event, as it's served at once.
    try {
      this.#qtest.drain();
    } finally {
      this.#signalled = false;
      if (this.#qtest.closed) this.#stopWatching();
    }
    this.#serve();
  }

  #serve(): void {
    this.#signalled = false;
    try {
      for (let i = 0; i < INPUTS; i++) this.#serveInput(this.#inputs[i]);
    } catch (error) {
      // A handler that found QEMU gone: whoever watches the process can say why.
      if (!this.#qtest.closed) throw error;
    }
  }

  #serveInput(input: Input): void {
    for (let round = 0; round < ROUNDS; round++) {
      if (!input.high || input.stuck || input.members.length === 0) return;
      const { raises } = input;
      const claimed = ask(input.members);
      // QEMU tells that the line is low before it answers the write that acknowledged.
      this.#qtest.flush();
      if (claimed || !input.high || input.raises !== raises) continue;
      input.stuck = true;
      this.#unclaimed++;
    }
    // Still high: after the others.
    this.#signal();
  }
}

/** Asks everyone, as several may have interrupted; whether anyone's device had. */
function ask(members: readonly Member[]): boolean {
  let claimed = false;
  for (let i = 0; i < members.length; i++) {
    if (members[i].ask()) claimed = true;
  }
  return claimed;
}

/** One of those who share a line. */
class Member implements IrqLine {
  readonly #members: Member[];
  readonly #onConnect: () => void;
  #handler: IrqHandler | null = null;

  constructor(members: Member[], onConnect: () => void) {
    this.#members = members;
    this.#onConnect = onConnect;
  }

  connect(handler: IrqHandler): void {
    if (this.#handler === null) this.#members.push(this);
    this.#handler = handler;
    this.#onConnect();
  }

  disconnect(): void {
    if (this.#handler === null) return;
    this.#handler = null;
    this.#members.splice(this.#members.indexOf(this), 1);
  }

  /** Whether it was its device. */
  ask(): boolean {
    return this.#handler?.() === true;
  }
}
