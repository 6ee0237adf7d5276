import { assertEquals, assertThrows } from "@std/assert";
import { type Flag, parseFlags, parseNumber, spell } from "../../app/flags.ts";
import { UsageError } from "../../app/usage_error.ts";

const COLOUR: Flag = { name: "colour", value: "NAME", help: "" };
const WIDTH: Flag = { name: "line-width", value: "N", help: "" };
const COUNT: Flag = { name: "c", value: "N", help: "" };
const FLAGS = [COLOUR, WIDTH, COUNT];

/** What was parsed, as text: the flags, then the positional arguments. */
function parsed(...args: string[]): string {
  const { values, positional } = parseFlags(args, FLAGS);
  return [...[...values].map((entry) => entry.join("=")), ...positional].join(" ");
}

function refuses(message: string, ...args: string[]): void {
  assertEquals(assertThrows(() => parseFlags(args, FLAGS), UsageError).message, message);
}

Deno.test("a flag is spelled as it is written", () => {
  assertEquals(FLAGS.map(spell), ["--colour=NAME", "--line-width=N", "-c N"]);
});

Deno.test("a value may follow behind an equals sign, or as the next argument", () => {
  assertEquals(parsed("--colour=red"), "colour=red");
  assertEquals(parsed("--colour", "red"), "colour=red");
  assertEquals(parsed("--line-width=7", "--colour", "red"), "colour=red line-width=7");
});

Deno.test("a short flag takes its value in each usual way", () => {
  for (const args of [["-c", "5"], ["-c5"], ["-c=5"]]) assertEquals(parsed(...args), "c=5");
  assertEquals(parsed("-c0.25"), "c=0.25");
});

Deno.test("values are text, whatever they look like", () => {
  for (const value of ["0x10", "1e3", "007", "true", "false", "10.0.2.15/24", "a=b", "a b"]) {
    assertEquals(parsed(`--colour=${value}`), `colour=${value}`);
  }
  assertEquals(parsed("--colour=--line-width=3"), "colour=--line-width=3");
});

Deno.test("no arguments are no flags", () => {
  assertEquals(parsed(), "");
});

Deno.test("arguments without a flag keep their order and their text", () => {
  assertEquals(parsed("b", "--colour=red", "a"), "colour=red b a");
  assertEquals(parsed("--", "--colour=red", "-c"), "--colour=red -c");
  assertEquals(parsed("-"), "-");
});

Deno.test("an argument that looks like a number keeps its text", () => {
  for (const argument of ["1e3", "010", "0x10", "10.0", "1.50"]) {
    assertEquals(parsed(argument), argument);
    assertEquals(parsed("--", argument), argument);
  }
});

Deno.test("a flag that does not exist is refused by its name", () => {
  refuses("unknown flag --size=3", "--size=3");
  refuses("unknown flag --size", "--size", "3");
  refuses("unknown flag -x", "-x");
  refuses("unknown flag -x3", "-x3");
  refuses("unknown flag --colou=red", "--colou=red");
  refuses("unknown flag --no-colour", "--no-colour");
  refuses("unknown flag --colour.x=1", "--colour.x=1");
  refuses("unknown flag --__proto__=1", "--__proto__=1");
  refuses("unknown flag --constructor=1", "--constructor=1");
  refuses("unknown flag --_=1", "--_=1");
});

Deno.test("a flag without a value is refused", () => {
  refuses("--colour needs a value: --colour=NAME", "--colour");
  refuses("--colour needs a value: --colour=NAME", "--colour=");
  refuses("--colour needs a value: --colour=NAME", "--colour", "");
  refuses("--colour needs a value: --colour=NAME", "--colour", "--line-width=3");
  refuses("-c needs a value: -c N", "-c");
  refuses("-c needs a value: -c N", "-c", "--colour=red");
});

Deno.test("a flag given more than once is refused, even with the same value", () => {
  refuses("--colour is given 2 times", "--colour=red", "--colour=red");
  refuses("--colour is given 3 times", "--colour", "a", "x", "--colour=b", "--colour=c");
  refuses("-c is given 2 times", "-c", "1", "-c2");
});

Deno.test("a flag that repeats has all its values, in their order", () => {
  const flags = [{ ...COLOUR, repeats: true }, WIDTH];
  const { values, lists } = parseFlags(["--colour=b", "--line-width=3", "--colour", "a"], flags);
  assertEquals([...lists], [["colour", ["b", "a"]]]);
  assertEquals([...values], [["line-width", "3"]]);
  assertEquals(parseFlags([], flags).lists.size, 0);
  for (const args of [["--colour=a", "--colour="], ["--colour", "--colour=a"]]) {
    const { message } = assertThrows(() => parseFlags(args, flags), UsageError);
    assertEquals(message, "--colour needs a value: --colour=NAME");
  }
});

Deno.test("a number is one between its bounds, both included", () => {
  const range = { min: 3, max: 12 };
  for (const [text, value] of [["3", 3], ["7", 7], ["12", 12], ["007", 7]] as const) {
    assertEquals(parseNumber("--n", text, range), value);
  }
});

Deno.test("what is no whole number, or out of bounds, is refused with its flag and value", () => {
  const bad = ["2", "13", "-3", "+4", "4.5", "", " 5", "5 ", "0x5", "5e0", "x", "NaN", "Infinity"];
  for (const text of [...bad, "5,0", "٥", "5\n"]) {
    const error = assertThrows(() => parseNumber("--n", text, { min: 3, max: 12 }), UsageError);
    assertEquals(error.message, `--n=${text}: a whole number from 3 to 12 is needed`);
  }
});

Deno.test("a fraction is a number only where one is wanted", () => {
  const range = { min: 0.5, max: 2, fraction: true };
  for (const [text, value] of [["0.5", 0.5], ["1", 1], ["1.25", 1.25], ["2.0", 2]] as const) {
    assertEquals(parseNumber("-i", text, range), value);
  }
  for (const text of ["0.49", "2.01", ".5", "1.", "1.2.3", "1e0", "-1"]) {
    const error = assertThrows(() => parseNumber("-i", text, range), UsageError);
    assertEquals(error.message, `-i=${text}: a number from 0.5 to 2 is needed`);
  }
});
