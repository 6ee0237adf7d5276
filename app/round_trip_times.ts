/** Minimum, mean, maximum and standard deviation of round-trip times, as ping(8) sums them up. */
export class RoundTripTimes {
  #count = 0;
  #min = Infinity;
  #max = 0;
  #sum = 0;
  #sumOfSquares = 0;

  /** Adds one, in milliseconds. */
  add(time: number): void {
    this.#count++;
    this.#min = Math.min(this.#min, time);
    this.#max = Math.max(this.#max, time);
    this.#sum += time;
    this.#sumOfSquares += time * time;
  }

  /** `rtt min/avg/max/mdev = 0.045/0.052/0.060/0.006 ms`, or nothing when there were none. */
  summary(): string | null {
    if (this.#count === 0) return null;
    const mean = this.#sum / this.#count;
    const deviation = Math.sqrt(Math.max(this.#sumOfSquares / this.#count - mean * mean, 0));
    const figures = [this.#min, mean, this.#max, deviation].map((ms) => ms.toFixed(3)).join("/");
    return `rtt min/avg/max/mdev = ${figures} ms`;
  }
}
