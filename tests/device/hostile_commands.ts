import type { SeededRandom } from "../stack/seeded_random.ts";
import type { HostileStation } from "./hostile_station.ts";

/** Something that is asked of the driver beside packets. It may refuse, for a reason. */
type Command = (station: HostileStation, random: SeededRandom) => void;

/** Whatever is told to a card on its control queue, or read of its configuration, by name. */
export const COMMANDS: readonly (readonly [string, Command])[] = Object.entries<Command>({
  promiscuous: ({ netdev }, random) => netdev.promiscuousSet(random.below(2) === 0),
  hwaddr: ({ netdev }, random) => netdev.hwaddrSet(Uint8Array.of(2, ...random.bytes(5))),
  groups: ({ driver }, random) => {
    const groups = Array.from(
      { length: random.below(9) },
      () => Uint8Array.of(1, ...random.bytes(5)),
    );
    driver.tell((control) => control.setGroups(groups));
  },
  vlan: ({ driver }, random) =>
    driver.tell((control) => control.setVlan(random.below(4096), random.below(2) === 0)),
  coalescing: ({ driver }, random) => {
    const coalescing = { maxPackets: random.below(100), maxMicroseconds: random.below(1000) };
    driver.tell((control) => control.setCoalescing(random.below(2) ? "rx" : "tx", coalescing));
  },
  queueCoalescing: ({ driver, pairs }, random) => {
    const coalescing = { maxPackets: random.below(100), maxMicroseconds: random.below(1000) };
    driver.tell((control) => control.setQueueCoalescing(random.below(2 * pairs), coalescing));
  },
  queryCoalescing: ({ driver, pairs }, random) =>
    driver.tell((control) => void control.queueCoalescing(random.below(2 * pairs))),
  look: ({ netdev }) => {
    netdev.detailsGet();
    netdev.statsGet();
    netdev.linkGet();
  },
});
