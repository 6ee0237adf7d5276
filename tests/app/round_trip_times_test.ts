import { assertEquals } from "@std/assert";
import { RoundTripTimes } from "../../app/round_trip_times.ts";

Deno.test("without a time there is no summary", () => {
  assertEquals(new RoundTripTimes().summary(), null);
});

Deno.test("the summary is ping's: minimum, mean, maximum, standard deviation", () => {
  const times = new RoundTripTimes();
  for (const time of [2, 4, 4, 4, 5, 5, 7, 9]) times.add(time);
  assertEquals(times.summary(), "rtt min/avg/max/mdev = 2.000/5.000/9.000/2.000 ms");
});

Deno.test("equal times have no deviation, whatever rounding does", () => {
  const times = new RoundTripTimes();
  for (let i = 0; i < 3; i++) times.add(0.1);
  assertEquals(times.summary(), "rtt min/avg/max/mdev = 0.100/0.100/0.100/0.000 ms");
});
