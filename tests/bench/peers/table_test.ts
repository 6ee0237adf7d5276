import { assertEquals } from "@std/assert";
import { row, side } from "../../../bench/peers/row.ts";
import { sectionText, significant } from "../../../bench/peers/table.ts";

Deno.test("a figure has three digits that matter", () => {
  const figures = [0, 7, 1234.5, 123.4, 12.34, 1.234, 0.1234, 0.001234];
  assertEquals(figures.map(significant), [
    ...["0", "7", "1235", "123", "12.3", "1.23", "0.123", "0.001"],
  ]);
});

Deno.test("a section is a title, columns that stand in line, and its notes", () => {
  const goal = { of: "ratio", bound: "at most", value: 0.5 } as const;
  const rows = [
    row("one", "ns", side("ours", [1.5, 1.25, 1.75]), side("them", [3]), goal),
    row("another", "ns", side("ours", [2])),
  ];
  assertEquals(
    sectionText({ title: "Cost", notes: ["Told so."], rows }),
    `Cost

         unit  ukdeno   min   max  peer     min  max  ratio  goal
one      ns      1.50  1.25  1.75  them  3    3    3   0.50  at most 0.5  met
another  ns         2     2     2

Told so.
`,
  );
});
