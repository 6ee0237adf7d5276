import { assert } from "@std/assert";
import type { CardEnd } from "../../device/card_end.ts";
import { HostileMmioCard } from "../../device/hostile_mmio_card.ts";
import { HostilePciCard } from "../../device/hostile_pci_card.ts";

/** How many of so many cards came how far. */
function takeUp(
  cards: number,
  card: new (seed: number) => { run(): CardEnd },
): Map<CardEnd, number> {
  const ends = new Map<CardEnd, number>();
  for (let seed = 1; seed <= cards; seed++) {
    const end = new card(Math.imul(seed, 0x9e3779b1)).run();
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return ends;
}

for (
  const [bus, cards, card] of [["PCI", 5_000, HostilePciCard], [
    "mmio",
    2_000,
    HostileMmioCard,
  ]] as const
) {
  Deno.test(`${cards} hostile ${bus} cards are taken up right or refused for a reason, and leave nothing`, () => {
    const ends = takeUp(cards, card);
    for (
      const end of ["refused on the bus", "refused by probe", "refused by start", "ran"] as const
    ) {
      const count = ends.get(end) ?? 0;
      assert(count > 20, `${count} cards: ${end}`);
    }
  });
}
