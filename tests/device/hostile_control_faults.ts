import type { SeededRandom } from "../stack/seeded_random.ts";
import type { HostileCard } from "./hostile_card.ts";
import type { RingDevice } from "./ring_device.ts";

/** What it does in place of giving a command back. */
type Use = (ring: RingDevice, head: number, random: SeededRandom, card: HostileCard) => void;

/**
 * What a device can do wrong when it's told something on its control queue (virtio 1.2 §5.1.6.5), by
 * name: with the next commands, until it's good again.
 */
export const CONTROL_FAULTS: Readonly<
  Record<string, (card: HostileCard, random: SeededRandom) => void>
> = {
  // Answers.
  refusesCommands: answers(() => 1),
  answersNonsense: answers((random) => 2 + random.below(0xfd)),
  answersNothing: answers(() => "nothing"),
  answersWithNoAnswer: answers(() => 0xff),
  staysSilent: answers(() => "silence"),
  refusesOneCommand: (card) => {
    let refuses = true;
    card.control.script.answer = () => {
      const answer = refuses ? 1 : null;
      refuses = false;
      return answer;
    };
  },
  // Used elements of the control queue.
  commandIdOutOfRange: uses((ring, _, random) => {
    ring.put(ring.size + random.below(0x8000), 1);
    ring.show();
  }),
  commandIdOfAnother: uses((ring, head) => {
    ring.put((head + 1) % ring.size, 1);
    ring.show();
  }),
  commandUsedTwice: uses((ring, head) => {
    ring.put(head, 1);
    ring.put(head, 1);
    ring.show();
  }),
  commandLength: uses((ring, head, random) => void ring.use(head, random.int32() >>> 0)),
  commandIndexJump: uses((ring, _, random) => ring.showIndex(random.below(0x10000))),
  // What comes in the middle of a command, while the driver waits.
  interruptsInCommand: during((card) => {
    card.interruptAll();
    card.configChanged();
    card.onStray(3);
  }),
  needsResetInCommand: during((card) => card.needReset()),
  linkFlapsInCommand: during((card, random) => card.setLink(random.below(2) === 0)),
  usesBuffersInCommand: during((card, random) => {
    card.deliver(random.bytes(60));
    card.send(3, 1);
  }),
};

function answers(
  answer: (random: SeededRandom) => number | "nothing" | "silence",
): (card: HostileCard, random: SeededRandom) => void {
  return (card, random) => {
    card.control.script.answer = () => answer(random);
  };
}

function uses(use: Use): (card: HostileCard, random: SeededRandom) => void {
  return (card, random) => {
    card.control.script.use = (ring, head) => use(ring, head, random, card);
  };
}

/** The command itself is answered as it should be. */
function during(
  act: (card: HostileCard, random: SeededRandom) => void,
): (card: HostileCard, random: SeededRandom) => void {
  return (card, random) => {
    card.control.script.answer = () => {
      act(card, random);
      return null;
    };
  };
}
