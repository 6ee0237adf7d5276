import { assertEquals, assertMatch } from "@std/assert";
import { plotSvg } from "../../../bench/peers/plot.ts";
import { row, side } from "../../../bench/peers/row.ts";

const ROWS = [
  row("64 B & more", "ns/echo", side("ukdeno", [30, 20, 40]), side("testpmd", [50, 60])),
  row("512 B", "ns/echo", side("ukdeno", [90])),
  row("64 B", "M echoes/s", side("ukdeno", [9])),
];

Deno.test("a plot has a panel for each unit, with a dot for each side of each row", () => {
  const svg = plotSvg([{ title: "Cost", notes: [], rows: ROWS }], "here & now");
  assertEquals(svg.match(/class="title"/g)?.length, 2);
  assertEquals(svg.match(/<g class="ours">/g)?.length, 3);
  assertEquals(svg.match(/<g class="peer">/g)?.length, 1);
  assertMatch(svg, /<title>ukdeno: 30 \(20 to 40\)<\/title>/);
  assertMatch(svg, />M echoes\/s<\/text>/);
  assertMatch(svg, /64 B &amp; more/);
  assertMatch(svg, /here &amp; now/);
});

Deno.test("dots are within the panel, and a greater figure is further to the right", () => {
  const svg = plotSvg([{ title: "Cost", notes: [], rows: ROWS.slice(0, 2) }], "");
  const at = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  assertEquals(at.toSorted((a, b) => a - b), [at[0], at[1], at[2]]);
  assertEquals(at.every((x) => x > 300 && x <= 820), true);
});
