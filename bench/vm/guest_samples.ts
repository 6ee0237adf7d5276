import { type Goal, type Row, row, side } from "../peers/row.ts";
import type { Guest } from "./guests.ts";
import type { VmPace } from "./pace.ts";

/** What was measured of both guests, once a round. */
export class GuestSamples<Sample> {
  readonly #guests: VmPace["guests"];
  /** By guest, in their order. */
  readonly #samples: readonly Sample[][];

  private constructor(guests: VmPace["guests"], samples: readonly Sample[][]) {
    this.#guests = guests;
    this.#samples = samples;
  }

  /** Measures: the guests take turns, and `once` is a turn of one. */
  static async take<Sample>(
    { guests, machine, rounds }: VmPace,
    once: (guest: Guest, machine: VmPace["machine"]) => Promise<Sample>,
  ): Promise<GuestSamples<Sample>> {
    const samples = guests.map((): Sample[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, guest] of guests.entries()) samples[i].push(await once(guest, machine));
    }
    return new GuestSamples(guests, samples);
  }

  /** A row of one figure of the samples. There's no ratio to a peer that hasn't any of it. */
  row(name: string, unit: string, of: (sample: Sample) => number, goal: Goal | null = null): Row {
    const [ours, peer] = this.#guests.map((guest, i) => side(guest.name, this.#samples[i].map(of)));
    return row(name, unit, ours, peer.median > 0 ? peer : null, goal);
  }
}
