/**
 * A change of configuration that an interrupt tells of: handled behind the interrupt, as a task of its
 * own, and once for as many as came before. In the interrupt itself a queue may be waiting its turn.
 */
export class ConfigChange {
  #handler: (() => void) | null = null;
  #pending = false;

  /** Who handles it from now on; null for nobody. What is pending is forgotten. */
  connect(handler: (() => void) | null): void {
    this.#handler = handler;
    this.#pending = false;
  }

  /** The configuration has changed. */
  note(): void {
    if (this.#pending || this.#handler === null) return;
    this.#pending = true;
    queueMicrotask(() => this.#handle());
  }

  #handle(): void {
    if (!this.#pending) return;
    this.#pending = false;
    this.#handler?.();
  }
}
