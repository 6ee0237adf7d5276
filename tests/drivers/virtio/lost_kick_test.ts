import { assertEquals, assertGreater } from "@std/assert";
import {
  DEVICE,
  DRIVER,
  jitter,
  KICKED,
  type LitmusMode,
  litmusQueue,
  meet,
  MEMORY_BYTES,
  RING_ROUNDS,
  SharedRegion,
  STOP,
} from "./lost_kick_litmus.ts";

/** Rounds to try, or fewer when the machine is too busy to give both threads a core. */
const ROUNDS = 200_000;
const LONGEST_MS = 2000;

/** What became of the rounds. */
interface Outcome {
  readonly rounds: number;
  /** No kick, and not seen: the device would sleep. */
  readonly lost: number;
  /** Kicked, and seen already: one side was first by far. */
  readonly both: number;
}

/** The device, while a thread of its own is the driver. */
async function litmus(mode: LitmusMode): Promise<Outcome> {
  const memory = new SharedArrayBuffer(MEMORY_BYTES);
  const syncMemory = new SharedArrayBuffer(256);
  const sync = new Int32Array(syncMemory);
  const { u16, u32 } = new SharedRegion(memory);
  const { descriptorArea, driverArea, deviceArea } =
    litmusQueue(new SharedRegion(memory), mode).addresses;
  const isPacked = mode.startsWith("packed");
  const worker = new Worker(new URL("lost_kick_worker.ts", import.meta.url).href, {
    type: "module",
  });
  const ended = Promise.withResolvers<void>();
  worker.onmessage = () => ended.resolve();
  worker.onerror = (event) => ended.reject(new Error(event.message));
  worker.postMessage({ mode, memory, sync: syncMemory });

  let [rounds, lost, both] = [0, 0, 0];
  let sink = 0;
  let deadline = Infinity;
  for (let round = 1; round <= ROUNDS && performance.now() < deadline; round++) {
    const slot = (round - 1) % RING_ROUNDS;
    // Not to be notified, until it has said otherwise.
    if (isPacked) Atomics.store(u32, deviceArea >>> 2, 1 << 16);
    else Atomics.store(u16, deviceArea >>> 1, 1);
    meet(sync, DEVICE, DRIVER, 3 * round);
    if (round === 1) deadline = performance.now() + LONGEST_MS;
    sink += jitter(round, 11);
    meet(sync, DEVICE, DRIVER, 3 * round + 1);
    // It looks for the buffer in vain, which has the driver's store take its time.
    if (isPacked) sink += Atomics.load(u32, (descriptorArea + 16 * slot + 12) >>> 2) & 1;
    sink += jitter(round, 17);
    let seen: boolean;
    if (isPacked) {
      Atomics.store(u32, deviceArea >>> 2, 0);
      const flags = Atomics.load(u32, (descriptorArea + 16 * slot + 12) >>> 2) >>> 16;
      seen = (flags & 0x80) !== 0;
    } else {
      Atomics.store(u16, deviceArea >>> 1, 0);
      seen = Atomics.load(u16, (driverArea + 2) >>> 1) === slot + 1;
    }
    meet(sync, DEVICE, DRIVER, 3 * round + 2);
    const kicked = Atomics.load(sync, KICKED) === 1;
    rounds++;
    if (!kicked && !seen) lost++;
    if (kicked && seen) both++;
  }
  Atomics.store(sync, STOP, 1);
  await ended.promise;
  worker.terminate();
  assertEquals(typeof sink, "number");
  return { rounds, lost, both };
}

for (const ring of ["split", "packed"] as const) {
  Deno.test(`a lost kick: two threads on a ${ring} ring never lose one with the fence of publish()`, async () => {
    const fenced = await litmus(ring);
    const unfenced = await litmus(`${ring} without fence`);
    console.log(
      `lost kicks, ${ring} ring: ${fenced.lost} of ${fenced.rounds} fenced, ` +
        `${unfenced.lost} of ${unfenced.rounds} unfenced`,
    );
    assertGreater(fenced.rounds, 0);
    assertEquals(fenced.lost, 0);
  });
}
