import type { SeededRandom } from "../stack/seeded_random.ts";
import type { HostileCard } from "./hostile_card.ts";
import { CONTROL_FAULTS } from "./hostile_control_faults.ts";
import type { HostileRing } from "./hostile_ring.ts";

/** One thing that no good device does. */
export type Fault = (card: HostileCard, random: SeededRandom) => void;

const JUNK = new Uint8Array(1514).fill(0xa5);

/** What a device can do wrong, by name. Each is done at once; what follows is the driver's affair. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  // Used elements.
  idOutOfRange: onQueue((ring, random) => ring.put(ring.size + random.below(0xff00), 60)),
  idOf32Bits: onQueue((ring, random) => ring.put(random.int32() >>> 0, 60)),
  idJustOutOfRange: onQueue((ring) => ring.put(ring.size, 60)),
  idAllOnes: onQueue((ring) => ring.put(0xffff_ffff, 60)),
  idDuplicate: onQueue((ring, random, card) => {
    const { receiveq, transmitq } = card;
    const [buffer] = card.usable(ring === card.queues[receiveq] ? receiveq : transmitq, 1);
    const id = buffer?.head ?? random.below(ring.size);
    for (let times = 2 + random.below(2); times > 0; times--) ring.put(id, 60);
  }),
  idNotOutstanding: onQueue((ring, random) => {
    const from = random.below(ring.size);
    for (let i = 0; i < ring.size; i++) {
      const id = (from + i) % ring.size;
      if (!ring.lent.has(id)) return ring.put(id, 60);
    }
  }),
  lengthBeyondBuffer: (card, random) =>
    void card.deliver(JUNK.subarray(0, 60), { length: 2048 + random.below(0x1000) }),
  lengthJustBeyondBuffer: (card) => {
    const [buffer] = card.usable(card.receiveq, 1);
    if (buffer !== undefined) {
      card.deliver(JUNK.subarray(0, 60), { length: buffer.pieces[0].length + 1 });
    }
  },
  lengthAllOnes: (card) => void card.deliver(JUNK.subarray(0, 60), { length: 0xffff_ffff }),
  lengthNegative: (card) => void card.deliver(JUNK.subarray(0, 60), { length: 0x8000_0000 }),
  lengthZero: (card) => void card.deliver(JUNK.subarray(0, 60), { length: 0 }),
  lengthBelowHeader: (card, random) =>
    void card.deliver(JUNK.subarray(0, 60), { length: random.below(12) }),
  lengthBelowFrame: (card, random) =>
    void card.deliver(JUNK.subarray(0, 60), { length: 12 + random.below(14) }),
  lengthOfSent: (card, random) => {
    const [buffer] = card.usable(card.transmitq, 1);
    if (buffer === undefined) return;
    card.live(card.transmitq)?.put(buffer.head, random.int32() >>> 0);
    card.show(card.transmitq);
  },
  // Indices.
  indexForward: onIndex((size, random) => 1 + random.below(size)),
  indexForwardByOne: onIndex(() => 1),
  indexJump: onIndex((_, random) => random.below(0x10000)),
  indexBack: onIndex((size, random) => -1 - random.below(size)),
  // Mergeable buffers.
  noBuffers: (card) => void card.deliver(JUNK.subarray(0, 60), { numBuffers: 0 }),
  oneBufferMore: (card) => void card.deliver(JUNK.subarray(0, 60), { numBuffers: 2 }),
  absurdBuffers: (card, random) =>
    void card.deliver(JUNK.subarray(0, 60), { numBuffers: random.below(0x10000) }),
  emptyPiece: (card) => {
    const ring = card.live(card.receiveq);
    const buffers = card.usable(card.receiveq, 2);
    if (ring === null || buffers.length < 2) return;
    const [first, second] = buffers;
    card.region.u8[first.pieces[0].offset + 10] = 2;
    card.region.u8[first.pieces[0].offset + 11] = 0;
    ring.put(first.head, 72);
    ring.put(second.head, 0);
    card.show(card.receiveq);
  },
  // Checksums that are to be completed, and hashes.
  checksumAnywhere: (card, random) => {
    const frame = random.bytes(14 + random.below(200));
    card.deliver(frame, { checksum: [1, random.below(0x10000), random.below(0x10000)] });
  },
  checksumAtEdge: (card, random) => {
    const length = 14 + random.below(200);
    const start = random.below(length + 4);
    const offset = length - start - random.below(5) & 0xffff;
    card.deliver(random.bytes(length), { checksum: [1 + random.below(255), start, offset] });
  },
  checksumOfPieces: (card, random) =>
    void card.deliver(JUNK, { checksum: [1, 14, random.below(JUNK.length)] }),
  hashOfNothing: (card, random) =>
    void card.deliver(JUNK.subarray(0, 60), { hash: random.bytes(8) }),
  // Memory that is the driver's, and flags.
  scribble: onQueue((ring, random, card) => {
    card.collect();
    ring.scribble(random.int32());
    card.owesInterrupt = true;
  }),
  confuse: onQueue((ring, random) => ring.confuse(random.int32())),
  neverKick: onQueue((ring) => ring.wantKicks(false)),
  junkFrame: (card, random) =>
    void card.deliver(random.bytes(14 + random.below(80)), { lengthBy: random.below(9) - 4 }),
  // Interrupts.
  spuriousReceive: (card) => card.interrupt(card.receiveq),
  spuriousTransmit: (card) => card.interrupt(card.transmitq),
  spuriousConfig: (card) => card.configChanged(),
  mute: (card) => void (card.mute = true),
  interruptStorm: (card) => {
    for (let i = 0; i < 10; i++) card.interruptAll();
  },
  strayInterrupt: (card, random) => card.onStray(random.below(256)),
  interruptsBeforeReady: (card) => {
    card.onQueue = () => {
      card.interruptAll();
      card.configChanged();
    };
  },
  interruptsWithStatus: (card) => {
    card.onStatus = () => {
      card.interruptAll();
      card.configChanged();
      card.onStray(3);
    };
  },
  usesBuffersInKick: (card) => {
    card.onKick = (queue) => {
      if (queue % 2 === 1) card.send(3, 1);
      else card.deliver(JUNK.subarray(0, 60));
    };
  },
  // Status and configuration.
  needsReset: (card) => card.needReset(),
  linkFlaps: (card, random) => card.setLink(random.below(2) === 0),
  anotherMac: (card, random) => void (card.config[random.below(6)] ^= 1 + random.below(255)),
  anotherMtu: (card, random) => card.setMtu(random.below(0x10000)),
  configNeverStays: (card) => {
    card.script.onConfigRead = () => {
      card.config[5]++;
      card.touchConfig();
    };
  },
  configChangesInSilence: (card, random) => {
    const honest = card.config.slice();
    card.script.onConfigRead = (offset) => {
      card.config.set(honest);
      if (random.below(2) === 0) card.config[offset] ^= 1 + random.below(255);
    };
  },
  configChangesUnderRead: (card, random) => {
    let times = 1 + random.below(6);
    card.script.onConfigRead = () => {
      if (times-- > 0) card.configChanged();
    };
  },
  needsResetUnderRead: (card) => {
    let asked = false;
    card.script.onConfigRead = () => {
      if (asked) return;
      asked = true;
      card.needReset();
    };
  },
  slowReset: (card, random) => void (card.script.resetReads = 1 + random.below(30)),
  refusesFeatures: (card) => void (card.script.acceptsFeatures = () => false),
  refusesVectors: (card, random) => {
    const from = random.below(4);
    card.script.takesVector = (vector) => vector < from;
    card.needReset();
  },
  asksForAnnouncement: (card) => card.askForAnnouncement(),
  ...CONTROL_FAULTS,
};

/** A fault of either queue, which the driver then sees. */
function onQueue(
  fault: (ring: HostileRing, random: SeededRandom, card: HostileCard) => void,
): Fault {
  return (card, random) => {
    const index = random.below(3) === 0 ? card.transmitq : card.receiveq;
    const ring = card.live(index);
    if (ring === null) return;
    card.collect();
    fault(ring, random, card);
    card.show(index);
  };
}

/** A used index that moves by so much of itself, past where the driver wanted an interrupt. */
function onIndex(by: (size: number, random: SeededRandom) => number): Fault {
  return onQueue((ring, random, card) => {
    ring.jump(by(ring.size, random));
    card.owesInterrupt = true;
  });
}
