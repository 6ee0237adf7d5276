/** How {@link Log} prints: for people, or one JSON object a line for programs. */
export type LogFormat = "text" | "json";

/** What a JSON line can hold. */
export type LogValue = string | number | boolean | null | readonly LogValue[] | {
  readonly [key: string]: LogValue;
};

/** What happened, twice: for a program, and for a person. */
export interface LogEvent {
  /** The name of the event. */
  readonly event: string;
  /** What else a program would want to know of it. */
  readonly fields?: Readonly<Record<string, LogValue>>;
  /** A line for people, or several. */
  readonly text: string;
}

/** Says what happens, on standard output. */
export class Log {
  readonly #format: LogFormat;

  constructor(format: LogFormat) {
    this.#format = format;
  }

  /** Prints one event. */
  event({ event, fields, text }: LogEvent): void {
    console.log(this.#format === "json" ? JSON.stringify({ event, ...fields }) : text);
  }
}
