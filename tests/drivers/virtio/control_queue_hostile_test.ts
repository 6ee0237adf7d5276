import { assert, assertEquals } from "@std/assert";
import { ControlQueue } from "../../../drivers/virtio/control_queue.ts";
import { createVirtqueue } from "../../../drivers/virtio/create_virtqueue.ts";
import { VirtioDevice } from "../../../drivers/virtio/virtio_device.ts";
import type { RingFormat } from "../../../drivers/virtio/virtqueue.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { HostilePackedRing } from "../../device/hostile_packed_ring.ts";
import type { HostileRing, LentBuffer } from "../../device/hostile_ring.ts";
import { HostileSplitRing } from "../../device/hostile_split_ring.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED } from "../../device/ring_device.ts";
import { VirtioModel } from "../../device/virtio_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { SeededRandom } from "../../stack/seeded_random.ts";

const SEEDS = 4_000;
const COMMANDS = 12;
/** Looks at memory and device until an answer is given up: 2 s of a clock that goes fast. */
const CLOCK_STEP_MS = 100;

/** What is done with a command, and whether that makes it a success. */
type Answer = (ring: HostileRing, buffer: LentBuffer, card: ControlCard) => boolean;

const ANSWERS: readonly Answer[] = [
  (ring, buffer, card) => card.answer(ring, buffer, 0),
  (ring, buffer, card) => card.answer(ring, buffer, 0),
  (ring, buffer, card) => card.answer(ring, buffer, 0),
  (ring, buffer, card) => !card.answer(ring, buffer, 1),
  (ring, buffer, card) => !card.answer(ring, buffer, 2 + card.random.below(254)),
  // Nothing; used without an answer; an answer without a use.
  () => false,
  (ring, buffer) => {
    ring.put(buffer.head, 1);
    return false;
  },
  (_, buffer, card) => !card.write(buffer, 0),
  // Ids that can't be, and a use that nobody wrote.
  (ring, _, card) => {
    ring.put(ring.size + card.random.below(0x8000), 1);
    return false;
  },
  (ring, buffer) => {
    ring.put((buffer.head + 1) % ring.size, 1);
    return false;
  },
  (ring, _, card) => {
    ring.jump(1 + card.random.below(0xffff));
    return false;
  },
  // Right, and once more.
  (ring, buffer, card) => {
    card.isTwice = true;
    ring.put(buffer.head, card.random.int32() >>> 0);
    ring.put(buffer.head, 1);
    return card.write(buffer, 0);
  },
  (ring, buffer, card) => {
    ring.scribble(card.random.int32());
    return card.answer(ring, buffer, 0);
  },
];

/** A card of nothing but a control queue, which answers commands as a seed tells. */
class ControlCard {
  readonly random: SeededRandom;
  readonly model: VirtioModel;
  readonly queue: ControlQueue;
  readonly #format: RingFormat;
  readonly #features: bigint;
  #ring: HostileRing | null = null;
  honest = false;
  succeeds = false;
  /** A command was said to be used twice: this one, the one before. */
  isTwice = false;
  wasTwice = false;

  constructor(seed: number, format: RingFormat) {
    const random = this.random = new SeededRandom(seed);
    for (let i = 0; i < 4; i++) random.int32();
    this.#format = format;
    const packed = format === "packed" ? VIRTIO_F_RING_PACKED : 0n;
    const eventIndex = random.below(2) === 0 ? VIRTIO_F_EVENT_IDX : 0n;
    this.#features = packed | eventIndex;
    const size = 4 << random.below(4);
    this.model = new VirtioModel({
      deviceType: 1,
      features: this.#features,
      config: new Uint8Array(12),
      queueSizes: [size],
      memoryBytes: 1 << 16,
    });
    const device = new VirtioDevice(this.model, new FakeClock(0, CLOCK_STEP_MS));
    const vq = createVirtqueue<ControlQueue>(this.model.dma, size, this.#features, false);
    this.queue = new ControlQueue(device, vq);
    this.start();
  }

  /** The card is reset, and the queue handed to it. */
  start(): void {
    const Ring = this.#format === "packed" ? HostilePackedRing : HostileSplitRing;
    const eventIndex = (this.#features & VIRTIO_F_EVENT_IDX) !== 0n;
    this.#ring = new Ring(this.model.region, this.queue.vq.addresses, eventIndex, false);
    this.queue.start({ ring: () => this.#kicked() });
  }

  answer(ring: HostileRing, buffer: LentBuffer, answer: number): boolean {
    ring.put(buffer.head, 1);
    return this.write(buffer, answer);
  }

  write({ pieces }: LentBuffer, answer: number): boolean {
    const written = pieces.find(({ deviceWrites }) => deviceWrites);
    if (written === undefined) throw new Error("a command without room for an answer");
    this.model.region.u8[written.offset] = answer;
    return true;
  }

  #kicked(): void {
    const ring = this.#ring;
    if (ring === null) throw new Error("kicked before it's live");
    const [buffer, ...more] = ring.collect((returned) => ring.lent.get(returned.head));
    assertEquals(more, [], "one command at a time");
    const answer = this.honest ? ANSWERS[0] : ANSWERS[this.random.below(ANSWERS.length)];
    this.succeeds = answer(ring, buffer, this);
    ring.show();
    ring.wantKicks(true);
  }
}

for (const format of ["split", "packed"] as const) {
  Deno.test(`hostile control queue, ${format}: only what was answered succeeds, and a reset mends all`, () => {
    let [succeeded, failed, broke] = [0, 0, 0];
    for (let i = 1; i <= SEEDS; i++) {
      const seed = Math.imul(i, 0x9e3779b1);
      const card = new ControlCard(seed, format);
      const free = card.model.dma.available;
      for (let n = 0; n < COMMANDS; n++) {
        card.succeeds = false;
        let error: unknown = null;
        try {
          card.queue.command(1, 0, Uint8Array.of(n & 1));
        } catch (thrown) {
          error = thrown;
        }
        // A use too many, of this command or the one before, may make a good answer fail.
        const right = error === null
          ? card.succeeds
          : !card.succeeds || card.isTwice || card.wasTwice;
        assert(right, `seed ${seed}, command ${n}: ${error}`);
        card.wasTwice = card.isTwice;
        card.isTwice = false;
        if (error === null) succeeded++;
        else {
          assert(error instanceof NetdevError && error.code === "EIO", `seed ${seed}: ${error}`);
          failed++;
        }
        if (!card.queue.broken) continue;
        broke++;
        card.queue.stop();
        card.start();
        card.wasTwice = false;
        card.honest = true;
        card.queue.command(1, 0, Uint8Array.of(1));
        card.honest = false;
      }
      assertEquals(card.model.dma.available, free);
      card.queue.stop();
      card.queue.release();
    }
    assert(succeeded > 1000 && failed > 1000 && broke > 1000, `${succeeded} ${failed} ${broke}`);
  });
}
