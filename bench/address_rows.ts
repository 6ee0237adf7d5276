import type { AddressBlock, AddressJob } from "./address_worker.ts";
import { type Figure, figure } from "./figure.ts";

/** What an echo costs an appliance with so many addresses, in nanoseconds. */
export interface AddressRow {
  readonly name: string;
  readonly echo: Figure;
  /** One figure a block. */
  readonly samples: readonly number[];
}

/** Addresses as `--ip` takes them, by what to call them. */
const ADDRESSES: readonly (readonly [name: string, ip: string])[] = [
  ["1", "10.9.0.0/8"],
  ["256", "10.9.0.0-10.9.0.255/8"],
  ["65,536", "10.9.0.0-10.9.255.255/8"],
  ["32,768 ranges of 1", everyOther()],
];

/**
 * Measures `threads` × `rounds` blocks of each number of addresses, which take turns. Each is in
 * threads of its own: V8 compiles a call for the kinds of object that it has seen there, and no
 * appliance has two. It compiles the same code better or worse, by what it has seen when, and by a tenth;
 * so there are several, one after the other.
 */
export async function addressRows(
  burst: number,
  threads: number,
  rounds: number,
): Promise<AddressRow[]> {
  const blocks: AddressBlock[][] = ADDRESSES.map(() => []);
  for (let i = 0; i < threads; i++) await measure(burst, rounds, blocks);
  const device = figure(Float64Array.from(blocks.flat(), ({ device }) => device)).median;
  return ADDRESSES.map(([name], i) => {
    const samples = blocks[i].map(({ echo }) => echo - device);
    return { name, echo: figure(Float64Array.from(samples)), samples };
  });
}

async function measure(burst: number, rounds: number, blocks: AddressBlock[][]): Promise<void> {
  const threads = ADDRESSES.map(() => new AddressThread());
  try {
    for (const [i, [, ip]] of ADDRESSES.entries()) await threads[i].prepare({ ip, burst });
    for (let round = 0; round < rounds; round++) {
      for (const [i, thread] of threads.entries()) blocks[i].push(await thread.measure());
    }
  } finally {
    for (const thread of threads) thread.end();
  }
}

/** A thread of address_worker.ts, asked one thing at a time. */
class AddressThread {
  readonly #worker = new Worker(new URL("address_worker.ts", import.meta.url).href, {
    type: "module",
  });

  async prepare(job: AddressJob): Promise<void> {
    await this.#ask(job);
  }

  async measure(): Promise<AddressBlock> {
    const block = await this.#ask(null);
    if (block === null) throw new Error("a thread has nothing to measure");
    return block;
  }

  #ask(job: AddressJob | null): Promise<AddressBlock | null> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressBlock | null>();
    this.#worker.onmessage = ({ data }) => resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    this.#worker.postMessage(job);
    return promise;
  }

  end(): void {
    this.#worker.terminate();
  }
}

/** Half of a /16, no two of which are neighbours: the most that a table of addresses can hold. */
function everyOther(): string {
  return Array.from({ length: 0x8000 }, (_, i) => `10.9.${i >>> 7}.${i << 1 & 255}/8`).join(",");
}
