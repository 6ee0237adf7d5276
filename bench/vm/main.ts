/*
 * `deno task bench:vm [--rounds=N] [--memory=MIB] [--smp=N] [--accel=kvm|tcg] [--out=PATH] [SECTION]…`, as root:
 * the unikernel beside a Linux guest that does the same. Prints a table for each section, and writes
 * PATH.json (default: /tmp/ukdeno-vm).
 */

import { cpus } from "node:os";
import { parseArgs } from "@std/cli/parse-args";
import { findAccelerator } from "../../image/accelerator.ts";
import { TAP_IS_MISSING } from "../../tests/linux/network_namespace.ts";
import type { Section } from "../peers/row.ts";
import { runSections, sayRow } from "../peers/run_sections.ts";
import { boot } from "./boot.ts";
import { bothGuests } from "./guests.ts";
import type { VmPace } from "./pace.ts";
import { ping } from "./ping.ts";
import { size } from "./size.ts";

/** Each by the name that it is asked for. */
const SECTIONS: Readonly<Record<string, (pace: VmPace) => Promise<Section>>> = { boot, ping, size };

const strange: string[] = [];
const flags = parseArgs([...Deno.args], {
  string: ["rounds", "memory", "smp", "accel", "out"],
  unknown: (arg, key) => {
    if (key !== undefined) strange.push(arg);
  },
});
const { rounds = "5", memory = "320", smp = "1", accel, out = "/tmp/ukdeno-vm" } = flags;
const asked = flags._.map(String);
const names = asked.length > 0 ? asked : Object.keys(SECTIONS);
strange.push(...names.filter((name) => !(name in SECTIONS)));
const counts = [rounds, memory, smp].map(Number);
if (!counts.every((count) => Number.isInteger(count) && count > 0)) {
  strange.push(`--rounds=${rounds} --memory=${memory} --smp=${smp}`);
}
if (accel !== undefined && accel !== "kvm" && accel !== "tcg") strange.push(`--accel=${accel}`);
if (strange.length > 0) {
  console.error(
    `bench:vm: ${
      strange.join(" ")
    }: --rounds=N, --memory=MIB, --smp=N, --accel=kvm|tcg, --out=PATH and ` +
      `sections are possible: ${Object.keys(SECTIONS).join(", ")}`,
  );
  Deno.exit(2);
}
if (TAP_IS_MISSING !== null) {
  console.error(`bench:vm: ${TAP_IS_MISSING}`);
  Deno.exit(1);
}

const accelerator = accel === "kvm" || accel === "tcg"
  ? accel
  : (await findAccelerator()).accelerator;
const machine = { accelerator, memory: counts[1], smp: counts[2] };
const pace: VmPace = {
  guests: await bothGuests(),
  machine,
  rounds: counts[0],
  say: sayRow,
};
const date = new Date().toISOString();
const where = `${cpus().length} cores of ${cpus()[0].model.trim()}, Deno ${Deno.version.deno}`;
console.log(`${date.slice(0, 10)}, ${where}; guests by ${accelerator}, ${smp} CPU, ${memory} MiB`);
console.log(`medians of ${pace.rounds} rounds in which the guests take turns\n`);
await runSections(names, SECTIONS, pace, (sections) => {
  const json = { bench: "vm", date, where, machine, rounds: pace.rounds, sections };
  Deno.writeTextFileSync(`${out}.json`, `${JSON.stringify(json, null, 1)}\n`);
});
console.log(`${out}.json has the same figures`);
