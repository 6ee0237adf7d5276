import { cpus } from "node:os";
import { addressRows } from "./address_rows.ts";

/*
 * `deno task bench:addresses`: what an echo costs an appliance with one address and with many, to all of
 * which requests are spread. Prints a table, and behind it the same as one line of JSON.
 */

const BURST = 32;
const THREADS = 5;
const ROUNDS = 15;

const rows = await addressRows(BURST, THREADS, ROUNDS);
const cpu = cpus()[0].model;
const { deno } = Deno.version;
console.log(
  `ns per echo of 64 bytes in bursts of ${BURST}, the device model's own cost subtracted`,
);
console.log(`medians of ${THREADS} × ${ROUNDS} blocks, taken in turn; ${cpu}, Deno ${deno}\n`);
console.log(`${"addresses".padEnd(20)}${["echo", "min", "max", "to one"].map(right).join("")}`);
for (const { name, echo } of rows) {
  const figures = [echo.median, echo.min, echo.max].map((ns) => ns.toFixed(1));
  const ratio = (echo.median / rows[0].echo.median).toFixed(2);
  console.log(`${name.padEnd(20)}${[...figures, ratio].map(right).join("")}`);
}
console.log(`\n${
  JSON.stringify({
    bench: "addresses",
    date: new Date().toISOString(),
    cpu,
    cores: cpus().length,
    deno,
    burst: BURST,
    rows: rows.map(({ name, echo }) => ({ name, echo })),
  })
}`);

function right(cell: string): string {
  return cell.padStart(8);
}
