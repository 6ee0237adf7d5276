import { assertEquals } from "@std/assert";
import { ConsoleLines, numberIn } from "../../../bench/vm/console_lines.ts";

Deno.test("a line of a console has the time of the piece that completed it", () => {
  const console = new ConsoleLines();
  console.add("fir", 10);
  console.add("st\r\nsecond\r\nthi", 20);
  console.add("rd\n", 30);
  assertEquals(console.lines, [
    { text: "first", at: 20 },
    { text: "second", at: 20 },
    { text: "third", at: 30 },
  ]);
});

Deno.test("the tail of a console has what isn't a line yet", () => {
  const console = new ConsoleLines();
  console.add("one\n2\n3\n4\n5\n6\npanic", 1);
  assertEquals(console.tail, "2\n3\n4\n5\n6\npanic");
});

Deno.test("a number is that of the first line that has one", () => {
  const lines = ["resident_kb many", "resident_kb 12", "resident_kb 13"].map((text) => ({
    text,
    at: 0,
  }));
  assertEquals(numberIn(lines, /^resident_kb (\d+)/), 12);
  assertEquals(numberIn(lines, /^MemTotal: +(\d+) kB/), null);
});
