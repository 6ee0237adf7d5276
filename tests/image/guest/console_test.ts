import { assertEquals } from "@std/assert";
import { answerLine, type ConsoleCommand, serveConsole } from "../../../image/guest/console.ts";

const COMMANDS: readonly ConsoleCommand[] = [
  { name: "report", help: "tells", run: () => ["a 1", "b 2"] },
  {
    name: "trace on",
    help: "counts",
    run: () => {
      throw new Error("no tracing here");
    },
  },
];

Deno.test("a command's lines end with ok", () => {
  assertEquals(answerLine("report", COMMANDS), ["a 1", "b 2", "ok report"]);
  assertEquals(answerLine("  report\t", COMMANDS), ["a 1", "b 2", "ok report"]);
});

Deno.test("a command that fails says why, in one line", () => {
  assertEquals(answerLine("trace  on", COMMANDS), ["error no tracing here"]);
});

Deno.test("help tells what there is", () => {
  assertEquals(answerLine("help", COMMANDS), [
    "report     tells",
    "trace on   counts",
    "ok help",
  ]);
});

Deno.test("anything else is answered by one line, and nothing by none", () => {
  assertEquals(answerLine("trace", COMMANDS), [
    'error there is no "trace": help tells what there is',
  ]);
  assertEquals(answerLine("", COMMANDS), []);
  assertEquals(answerLine("  ", COMMANDS), []);
});

Deno.test("lines may come in pieces, and several at once", async () => {
  const said: string[] = [];
  const pieces = ["he", "lp\r\nno", "pe\n\nnever mi", "nd\nunfinished"];
  const input = {
    read: (into: Uint8Array): Promise<number | null> => {
      const piece = pieces.shift();
      return Promise.resolve(
        piece === undefined ? null : new TextEncoder().encodeInto(piece, into).written,
      );
    },
  };
  await serveConsole(input, (text) => said.push(text.split("\n").at(-1) ?? ""));
  assertEquals(said, [
    "ok help",
    'error there is no "nope": help tells what there is',
    'error there is no "never mind": help tells what there is',
  ]);
});
