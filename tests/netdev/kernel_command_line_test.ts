import { assertEquals } from "@std/assert";
import { parameterValues, splitCommandLine } from "../../netdev/kernel_command_line.ts";
import { refuses } from "./refuses.ts";

for (
  const { line, args } of [
    { line: "", args: [] },
    { line: " \t\n", args: [] },
    { line: "a b", args: ["a", "b"] },
    { line: "  a\r\n\tb\vc ", args: ["a", "b", "c"] },
    { line: 'a="b c" d', args: ["a=b c", "d"] },
    { line: `'a "b"' "it's"`, args: ['a "b"', "it's"] },
    { line: `a'b'"c"d`, args: ["abcd"] },
    { line: `a="" ''`, args: ["a="] },
  ]
) {
  Deno.test(`the command line ${JSON.stringify(line)} is ${args.length} arguments`, () => {
    assertEquals(splitCommandLine(line), args);
  });
}

for (const quote of ['"', "'"]) {
  Deno.test(`a ${quote} without end is refused`, () => {
    refuses(
      "EINVAL",
      `command line: a ${quote} has no end`,
      () => splitCommandLine(`a ${quote}b c`),
    );
  });
}

for (
  const { what, line, values } of [
    { what: "a parameter that isn't given", line: "kernel a.c=1 x.a.b=2 b=3 a.b", values: [] },
    { what: "a parameter", line: "kernel a.b=1", values: ["1"] },
    { what: "an empty value", line: "a.b= a.b=2", values: ["", "2"] },
    { what: "a value with = in it", line: "a.b=c=d", values: ["c=d"] },
    { what: "a parameter that is repeated", line: "a.b=1 a.c=2 a.b=3", values: ["1", "3"] },
    { what: "a list", line: "a.b=[ 1 2 ]", values: ["1", "2"] },
    { what: "a list without room", line: "a.b=[1 2]", values: ["1", "2"] },
    { what: "a list of one", line: "a.b=[1] a.c=2", values: ["1"] },
    { what: "an empty list", line: "a.b=[] a.b=[ ] a.b=1", values: ["1"] },
    { what: "a quoted list", line: `a.b=[ "1 2" '3' ]`, values: ["1 2", "3"] },
    { what: "lists and values", line: "a.b=[ 1 2 ] a.b=3 a.b=[ 4 ]", values: ["1", "2", "3", "4"] },
    { what: "another's list", line: "a.c=[ a.b=1 ] a.b=2", values: ["2"] },
    { what: "a parameter that has no lists", line: "root=[ a.b=1", values: ["1"] },
    { what: "an application's argument", line: "a.b=1 -- a.b=2", values: ["1"] },
    { what: "-- in a list", line: "a.b=[ -- ] -- a.b=[", values: ["--"] },
  ]
) {
  Deno.test(`${what}: ${line}`, () => {
    assertEquals(parameterValues(splitCommandLine(line), "a.b"), values);
  });
}

for (const line of ["a.b=[", "a.b=[ 1 2 -- app", "a.c=[ 1 a.b=2"]) {
  Deno.test(`a list without end is refused: ${line}`, () => {
    refuses(
      "EINVAL",
      `command line: the list ${line.slice(0, 3)}=[ has no ] at its end`,
      () => parameterValues(splitCommandLine(line), "a.b"),
    );
  });
}
