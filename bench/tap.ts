import { cpus } from "node:os";
import { type Figure, figure } from "./figure.ts";
import { type PingFigures, pingPeers } from "./peers/tap_peers.ts";

/*
 * `deno task bench:tap [ROUNDS]`, as root: Linux's own answer to ping, ours on a TAP interface, and a Scapy
 * script's, in turn. Prints a table, and behind it the same as one line of JSON.
 */

const [text = "15"] = Deno.args;
const ROUNDS = Number(text);
const PINGS = 20_000;
const WINDOW = 32;

const COLUMNS:
  readonly (readonly [head: string, of: (figures: PingFigures) => readonly number[]])[] = [
    ["ping -f, µs", ({ roundTrip }) => roundTrip],
    ["thousand/s", ({ echoes }) => echoes.map((perSecond) => perSecond / 1000)],
    [`thousand/s, -l ${WINDOW}`, ({ crowded }) => crowded.map((perSecond) => perSecond / 1000)],
  ];

const rows = await pingPeers({ rounds: ROUNDS, pings: PINGS, window: WINDOW });
const machine = `${cpus()[0].model}, ${cpus().length} cores, Deno ${Deno.version.deno}`;
console.log(`ping -f -c ${PINGS}: median (min to max) of ${ROUNDS} rounds in turn; ${machine}\n`);
console.log(line("", COLUMNS.map(([head]) => head)));
for (const row of rows) {
  console.log(line(row.name, COLUMNS.map(([, of]) => cell(figure(Float64Array.from(of(row)))))));
}
console.log(`\n${
  JSON.stringify({
    bench: "tap",
    date: new Date().toISOString(),
    machine,
    pings: PINGS,
    window: WINDOW,
    rows,
  })
}`);

function cell({ median, min, max }: Figure): string {
  return `${median} (${min} to ${max})`;
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(24) + cells.map((text) => text.padStart(24)).join("");
}
