import type { Row, Section } from "./row.ts";
import { sectionText, significant } from "./table.ts";

/** One line on a row, as soon as it's measured. */
export function sayRow({ name, unit, ours, peer }: Row): void {
  console.error(
    `  ${name}: ${significant(ours.median)}` +
      `${peer === null ? "" : ` against ${significant(peer.median)}`} ${unit}`,
  );
}

/**
 * Measures the sections of these names one after the other, prints the table of each, and has `write`
 * keep all that there are by then.
 */
export async function runSections<Pace>(
  names: readonly string[],
  measures: Readonly<Record<string, (pace: Pace) => Promise<Section>>>,
  pace: Pace,
  write: (sections: readonly Section[]) => void,
): Promise<void> {
  const sections: Section[] = [];
  for (const name of names) {
    console.error(`${name} …`);
    try {
      const section = await measures[name](pace);
      sections.push(section);
      console.log(sectionText(section));
    } catch (error) {
      // What the others have measured is not to be lost.
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
      Deno.exitCode = 1;
    }
    write(sections);
  }
}
