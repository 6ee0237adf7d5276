import { assertEquals, assertThrows } from "@std/assert";
import { type Goal, row, side } from "../../../bench/peers/row.ts";

const HALF: Goal = { of: "ratio", bound: "at most", value: 0.5 };

Deno.test("a side has the median and the extremes of its samples, in whatever order", () => {
  const { median, min, max } = side("ours", [5, 1, 3]);
  assertEquals([median, min, max], [3, 1, 5]);
  assertEquals(side("ours", [4, 1, 3, 2]).median, 2.5);
});

Deno.test("a side without a figure, or with one that is none, is refused", () => {
  assertThrows(() => side("ours", []), RangeError, "ours: no figures");
  assertThrows(() => side("ours", [1, NaN]), RangeError, "NaN");
});

Deno.test("a row has the ratio of the medians, and whether the goal was met", () => {
  const peer = side("peer", [10]);
  assertEquals(row("r", "ns", side("ours", [5]), peer, HALF).met, true);
  const { ratio, met } = row("r", "ns", side("ours", [6]), peer, HALF);
  assertEquals([ratio, met], [0.6, false]);
  const least: Goal = { of: "ratio", bound: "at least", value: 1.1 };
  assertEquals(row("r", "1/s", side("ours", [11]), peer, least).met, true);
});

Deno.test("without a peer there's no ratio, and a goal of ours alone", () => {
  const none: Goal = { of: "ours", bound: "at most", value: 0 };
  const { ratio, met } = row("r", "n", side("ours", [0]), null, none);
  assertEquals([ratio, met], [null, true]);
  assertEquals(row("r", "n", side("ours", [0])).met, null);
});
