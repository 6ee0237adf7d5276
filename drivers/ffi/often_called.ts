import { compiled, type Libc, type LibcName } from "./libc.ts";

/** So many calls, and a function is worth machine code to a process that was in a hurry to start. */
const MANY_CALLS = 10_000;

/**
 * A function that packets may need or not. It's compiled at once, but in a machine that has just been
 * powered on, of which this is the first process, when there were many calls of it: where QEMU emulates
 * the processor Deno's compiler takes a tenth of a second when it's used first, and on a card of the
 * machine's own packets need no calls.
 */
export class OftenCalled<Name extends LibcName> {
  /** What to call; while it's null, the one in {@link libc}, after {@link count}. */
  compiled: Libc[Name] | null;
  readonly #name: Name;
  #calls = 0;

  /** `atOnce`: for whoever isn't what this process is. */
  constructor(name: Name, atOnce: boolean = Deno.pid !== 1) {
    this.#name = name;
    this.compiled = atOnce ? compiled(name) : null;
  }

  /** There's a call of the one in {@link libc}. */
  count(): void {
    if (++this.#calls === MANY_CALLS) this.compiled = compiled(this.#name);
  }
}
