import type { Goal, Row, Section, Side } from "./row.ts";

/** A section as text: a table whose columns are as wide as they have to be, and its notes. */
export function sectionText({ title, notes, rows }: Section): string {
  const head = ["", "unit", "ukdeno", "min", "max", "peer", "", "min", "max", "ratio", "goal", ""];
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const table = lines.map((line) => lineText(line, widths)).join("\n");
  return `${title}\n\n${table}\n${notes.map((note) => `\n${note}`).join("")}\n`;
}

function cells({ name, unit, ours, peer, ratio, goal, met }: Row): string[] {
  return [
    name,
    unit,
    ...figures(ours),
    ...(peer === null ? ["", "", "", ""] : [peer.name, ...figures(peer)]),
    ratio === null ? "" : ratio.toFixed(2),
    goal === null ? "" : goalText(goal),
    met === null ? "" : met ? "met" : "not met",
  ];
}

function figures({ median, min, max }: Side): string[] {
  return [median, min, max].map(significant);
}

function goalText({ bound, value }: Goal): string {
  return `${bound} ${value}`;
}

/** Three digits that matter, and no exponent. */
export function significant(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const digits = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(3, Math.max(0, 2 - digits)));
}

/** Words to the left, figures to the right. */
function lineText(line: readonly string[], widths: readonly number[]): string {
  const isWord = (cell: string): boolean => !/^[\d.]+$/.test(cell);
  const padded = line.map((cell, column) =>
    isWord(cell) && [0, 1, 5, 10, 11].includes(column)
      ? cell.padEnd(widths[column])
      : cell.padStart(widths[column])
  );
  return padded.join("  ").trimEnd();
}
