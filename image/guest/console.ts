import { reportLines } from "./report.ts";
import { traceOff, traceOn } from "./system_call_trace.ts";

/** Longer lines are read in pieces. */
const INPUT_BYTES = 1024;

/** A word that can be typed on the console. */
export interface ConsoleCommand {
  /** The whole line. */
  readonly name: string;
  /** What it does. */
  readonly help: string;
  /** Does it, and returns lines to print. */
  readonly run: () => readonly string[];
}

/** Everything that can be typed. */
export const CONSOLE_COMMANDS: readonly ConsoleCommand[] = [
  {
    name: "report",
    help: "processes, network interfaces and cards, interrupts, memory",
    run: () => reportLines(),
  },
  { name: "counters", help: "has the appliance print its counters", run: () => send("SIGUSR2") },
  { name: "trace on", help: "counts system calls from now on", run: () => (traceOn(), []) },
  { name: "trace off", help: "prints how many there were, in all and of each", run: traceOff },
  { name: "poweroff", help: "stops the appliance and the machine", run: () => send("SIGTERM") },
];

/**
 * Does what a line says: the lines to print, of which the last is `ok COMMAND` or `error REASON`. An
 * empty line prints nothing.
 */
export function answerLine(
  line: string,
  commands: readonly ConsoleCommand[] = CONSOLE_COMMANDS,
): string[] {
  const words = line.trim().replaceAll(/\s+/g, " ");
  if (words === "") return [];
  if (words === "help") return [...helpLines(commands), "ok help"];
  const command = commands.find(({ name }) => name === words);
  if (command === undefined) {
    return [`error there is no "${words}": help tells what there is`];
  }
  try {
    return [...command.run(), `ok ${words}`];
  } catch (error) {
    return [`error ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Where lines come from: `Deno.stdin`, but none of its streams, which take a tenth of a second to load. */
export interface ConsoleInput {
  /** Reads what there is, as soon as there's something: how many bytes, or null at the end. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/**
 * Answers what is typed, to the end of `input`. To read is a thread's business: who types nothing costs
 * nothing.
 */
export async function serveConsole(
  input: ConsoleInput,
  say: (text: string) => void,
): Promise<void> {
  const bytes = new Uint8Array(INPUT_BYTES);
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const length = await input.read(bytes);
    if (length === null) return;
    const text = decoder.decode(bytes.subarray(0, length), { stream: true });
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const answer = answerLine(line);
      if (answer.length > 0) say(answer.join("\n"));
    }
  }
}

function helpLines(commands: readonly ConsoleCommand[]): string[] {
  return commands.map(({ name, help }) => `${name.padEnd(9)}  ${help}`);
}

/** To this process itself, which knows what to do then. */
function send(signal: Deno.Signal): readonly string[] {
  Deno.kill(Deno.pid, signal);
  return [];
}
