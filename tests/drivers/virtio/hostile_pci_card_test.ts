import { assert } from "@std/assert";
import { HostilePciCard, type PciCardEnd } from "../../device/hostile_pci_card.ts";

const CARDS = 5_000;

Deno.test("5,000 hostile PCI cards are taken up right or refused for a reason, and leave nothing", () => {
  const ends = new Map<PciCardEnd, number>();
  for (let seed = 1; seed <= CARDS; seed++) {
    const end = new HostilePciCard(Math.imul(seed, 0x9e3779b1)).run();
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (
    const end of ["refused on the bus", "refused by probe", "refused by start", "ran"] as const
  ) {
    const count = ends.get(end) ?? 0;
    assert(count > 20, `${count} cards: ${end}`);
  }
});
