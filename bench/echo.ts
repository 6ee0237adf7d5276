import { cpus } from "node:os";
import { echoExchanges } from "../tests/device/echo_requests.ts";
import { BLOCK_ECHOES, type BlockTimes, timeBlocks } from "./echo_blocks.ts";
import { type EchoPath, echoPaths } from "./echo_paths.ts";
import { type Figure, figure, medianDifference } from "./figure.ts";
import { RING_BURST, type RingRow, ringRows } from "./ring_rows.ts";

/*
 * `deno task bench`: what an echo costs, from the receive ring to the transmit ring, layer by layer.
 * Prints a table, one of the kinds of rings, and behind them the same as one line of JSON.
 */

/** Without the FCS, which a card adds and takes off: 64 bytes on the wire. */
const FRAME_BYTES = 60;
const HEADERS_BYTES = 14 + 20 + 8;
/** Different requests, which come round and round. */
const REQUESTS = 256;
const SEED = 0x75;

const BURSTS = [1, 8, 32, 64];
const WARM_UP_BLOCKS = 30;
const BLOCKS = 101;

/** What one burst size came to. */
interface Row {
  readonly burst: number;
  /** The device model alone, which is subtracted from all others. */
  readonly device: Figure;
  readonly echo: Figure;
  /** What each layer adds, by its name: medians. */
  readonly layers: Readonly<Record<string, number>>;
}

function row(paths: readonly EchoPath[], times: BlockTimes, b: number): Row {
  const layers: Record<string, number> = {};
  for (let p = 1; p < paths.length; p++) {
    layers[paths[p].name] = medianDifference(times[p][b], times[p - 1][b]);
  }
  const device = figure(times[0][b]);
  const echo = figure(times[paths.length - 1][b].map((value) => value - device.median));
  return { burst: BURSTS[b], device, echo, layers };
}

/** Every request gets its reply, byte by byte, before anything is timed. */
function verify(path: EchoPath, replies: readonly Uint8Array[]): void {
  for (let i = 0; i < replies.length;) {
    path.partner.offer(32);
    path.turn(32);
    path.partner.takeFrames((frame) => {
      const reply = replies[i++];
      const same = frame.length === reply.length && frame.every((byte, at) => byte === reply[at]);
      if (!same) throw new Error(`${path.name}: request ${i - 1} got the wrong reply`);
    });
  }
}

function print(rows: readonly Row[], machine: string): void {
  const layers = Object.keys(rows[0].layers);
  console.log(`ns per echo of ${FRAME_BYTES + 4} bytes (${FRAME_BYTES} without FCS)`);
  console.log(`medians of ${BLOCKS} blocks of ${BLOCK_ECHOES} echoes; ${machine}\n`);
  const names = ["burst", ...layers, "echo", "min", "max", "device"];
  console.log(names.map((name) => name.padStart(8)).join(""));
  for (const { burst, device, echo, layers: byLayer } of rows) {
    const figures = [...layers.map((name) => byLayer[name]), echo.median];
    const cells = [...figures, echo.min, echo.max, device.median].map((value) => value.toFixed(1));
    console.log([`${burst}`, ...cells].map((cell) => cell.padStart(8)).join(""));
  }
  console.log(`\necho = ${layers.join(" + ")}; the device model's own cost is subtracted\n`);
}

function printRings(rows: readonly RingRow[]): void {
  console.log(`rings, bursts of ${RING_BURST}: an echo, and a frame sent back in two pieces`);
  console.log("ns, the device model's own cost subtracted\n");
  const names = ["ring", "tables", "driver", "echo", "min", "max", "2 pieces"];
  console.log(names.map((name) => name.padStart(9)).join(""));
  for (const { ring, indirect, driver, echo, chain } of rows) {
    const figures = [driver, echo.median, echo.min, echo.max, chain].map((ns) => ns.toFixed(1));
    const cells = [ring, indirect ? "yes" : "no", ...figures];
    console.log(cells.map((cell) => cell.padStart(9)).join(""));
  }
  console.log("");
}

const exchanges = echoExchanges(REQUESTS, FRAME_BYTES - HEADERS_BYTES, SEED);
const replies = exchanges.map(({ reply }) => reply);
const paths = echoPaths(exchanges.map(({ request }) => request));
for (const path of paths.slice(-2)) verify(path, replies);
timeBlocks(paths, BURSTS, WARM_UP_BLOCKS);
const times = timeBlocks(paths, BURSTS, BLOCKS);
const rows = BURSTS.map((_, b) => row(paths, times, b));
const cpu = cpus()[0].model;
const { deno, v8 } = Deno.version;
print(rows, `${cpu}, Deno ${deno}`);
const rings = await ringRows();
printRings(rings);
console.log(JSON.stringify({
  bench: "echo",
  date: new Date().toISOString(),
  cpu,
  cores: cpus().length,
  deno,
  v8,
  frameBytes: FRAME_BYTES,
  blocks: BLOCKS,
  blockEchoes: BLOCK_ECHOES,
  rows,
  rings,
}));
