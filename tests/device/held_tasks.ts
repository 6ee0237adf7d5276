/**
 * Microtasks of the code under test, in the hands of a test that is one long task itself: from the
 * constructor to its disposal `queueMicrotask` keeps them here until {@link run}.
 */
export class HeldTasks implements Disposable {
  readonly #before = globalThis.queueMicrotask;
  #tasks: (() => void)[] = [];

  constructor() {
    globalThis.queueMicrotask = (task) => void this.#tasks.push(task);
  }

  /** Runs what is there, and what comes of it. */
  run(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) task();
    }
  }

  [Symbol.dispose](): void {
    globalThis.queueMicrotask = this.#before;
  }
}
