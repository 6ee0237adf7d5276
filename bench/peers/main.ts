/*
 * `deno task bench:peers [--rounds=N] [--measure=MILLISECONDS] [--out=PATH] [SECTION]…`: this
 * appliance beside what a user would have instead. Prints a table for each section, and writes
 * PATH.json and PATH.svg (default: /tmp/ukdeno-peers).
 */

import { parseArgs } from "@std/cli/parse-args";
import { DPDK_IS_MISSING } from "../../tests/integration/dpdk_testpmd.ts";
import { addresses } from "./addresses.ts";
import { arpEntries } from "./arp_entries.ts";
import { cost } from "./cost.ts";
import { endurance } from "./endurance.ts";
import { generatedRates } from "./generated_rates.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { machine } from "./machine.ts";
import type { Pace } from "./pace.ts";
import { plotSvg } from "./plot.ts";
import type { Section } from "./row.ts";
import { runSections, sayRow } from "./run_sections.ts";
import { tap } from "./tap.ts";
import { throughput } from "./throughput.ts";

/** Each by the name that it is asked for. */
const SECTIONS: Readonly<Record<string, (pace: Pace) => Promise<Section>>> = {
  cost,
  throughput,
  generator: generatedRates,
  latency,
  growth,
  addresses,
  arp: arpEntries,
  tap,
  endurance,
};

const strange: string[] = [];
const flags = parseArgs([...Deno.args], {
  string: ["rounds", "measure", "out"],
  unknown: (arg, key) => {
    if (key !== undefined) strange.push(arg);
  },
});
const { rounds = "10", measure = "1000", out = "/tmp/ukdeno-peers" } = flags;
const asked = flags._.map(String);
const names = asked.length > 0 ? asked : Object.keys(SECTIONS);
strange.push(...names.filter((name) => !(name in SECTIONS)));
const counts = [rounds, measure].map(Number);
if (!counts.every((count) => Number.isInteger(count) && count > 0)) {
  strange.push(`--rounds=${rounds} --measure=${measure}`);
}
if (strange.length > 0) {
  console.error(
    `bench:peers: ${strange.join(" ")}: --rounds=N, --measure=MILLISECONDS, --out=PATH and ` +
      `sections are possible: ${Object.keys(SECTIONS).join(", ")}`,
  );
  Deno.exit(2);
}
if (DPDK_IS_MISSING !== null) {
  console.error(`bench:peers: ${DPDK_IS_MISSING}`);
  Deno.exit(1);
}

const pace: Pace = {
  rounds: counts[0],
  warmUp: counts[1],
  measure: counts[1],
  say: sayRow,
};
const where = await machine();
const date = new Date().toISOString();
console.log(`${date.slice(0, 10)}, ${where.text}`);
console.log(`medians of ${pace.rounds} rounds in which the sides take turns\n`);
await runSections(names, SECTIONS, pace, (sections) => {
  const json = { bench: "peers", date, ...where, rounds: pace.rounds, sections };
  Deno.writeTextFileSync(`${out}.json`, `${JSON.stringify(json, null, 1)}\n`);
  Deno.writeTextFileSync(`${out}.svg`, plotSvg(sections, `${date.slice(0, 10)}, ${where.text}`));
});
console.log(`${out}.json and ${out}.svg have the same figures`);
