/** A line of a guest's console, and when it was complete. */
export interface ConsoleLine {
  readonly text: string;
  /** Milliseconds since QEMU was started. */
  readonly at: number;
}

/** The lines of a console that comes in pieces. */
export class ConsoleLines {
  readonly lines: ConsoleLine[] = [];
  #rest = "";

  /** Takes a piece that came at this time. Carriage returns are left out. */
  add(text: string, at: number): void {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) this.lines.push({ text: part.replaceAll("\r", ""), at });
  }

  /** The last that it printed, for whoever wants to know why there's nothing more. */
  get tail(): string {
    return [...this.lines.slice(-5).map(({ text }) => text), this.#rest].join("\n").trim();
  }
}

/** The first group of the first line that matches, as a number; null when there's none. */
export function numberIn(lines: readonly ConsoleLine[], pattern: RegExp): number | null {
  for (const { text } of lines) {
    const found = pattern.exec(text);
    if (found !== null) return Number(found[1]);
  }
  return null;
}
