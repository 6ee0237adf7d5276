/** First revision of each chip of the family (8255x manual §4.1.5), the newest first. */
const CHIPS: readonly (readonly [revision: number, name: string])[] = [
  // QEMU's i82550 has a revision that Intel gave to an 82551.
  [0x0c, "82550 or 82551"],
  [0x09, "82559S"],
  [0x06, "82559"],
  [0x04, "82558"],
  [0x00, "82557"],
];

/** First revision with a mask for each cause of an interrupt: the 82558. */
const FIRST_WITH_CAUSE_MASKS = 0x04;

/** What the chip of this PCI revision is called, and of which ICH it's a part, if of one. */
export function chipName(revision: number, ich: number): string {
  const name = CHIPS.find(([first]) => revision >= first)?.[1] ?? "8255x";
  return ich === 0 ? name : `${name} of an ICH${ich}`;
}

/** Whether single causes of an interrupt can be masked: not on the 82557. */
export function hasCauseMasks(revision: number): boolean {
  return revision >= FIRST_WITH_CAUSE_MASKS;
}
