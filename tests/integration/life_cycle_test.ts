import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { ip, PEER_IP } from "../stack/frames.ts";
import { eventually } from "./appliance.ts";
import { memfdMappings, openDescriptors } from "./open_files.ts";
import { processLives, residentBytes } from "./proc.ts";
import { QemuCard, type RunningCard } from "./qemu_card.ts";

const MIB = 2 ** 20;
const ROUNDS = 1000;
/** Packets flow in one round of so many. */
const PING_EVERY = 50;
/** The first work of compiler and collector is over then. */
const WARM_UP = 500;
const QEMUS = 20;
const PATIENCE_MS = 10_000;

Deno.test(`${ROUNDS} times from probe to unregister on one QEMU: nothing is left over`, async () => {
  await using card = await QemuCard.start();
  const memory = card.host.dma.available;
  const descriptors = openDescriptors();
  const started = performance.now();
  let warm = 0;
  let pings = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const netdev = card.probe();
    if (round % PING_EVERY === 0) pings += await pingOverARestart(card, netdev);
    else startAndStop(netdev);
    netdev.close();
    card.registry.drvUnregister(netdev);
    assertEquals(card.registry.count(), 0);
    assertEquals(card.host.dma.available, memory, `DMA memory after round ${round}`);
    if (round === WARM_UP) warm = residentBytes(Deno.pid);
  }
  const seconds = (performance.now() - started) / 1000;
  const grown = residentBytes(Deno.pid) - warm;
  console.log(
    `life cycle: ${ROUNDS} rounds in ${seconds.toFixed(1)} s, ${pings} pings answered, ` +
      `memory ${mebibytes(warm)} ${grown < 0 ? "-" : "+"} ${mebibytes(Math.abs(grown))}`,
  );
  assertEquals(pings, 2 * ROUNDS / PING_EVERY);
  assertNoMoreThan(descriptors);
  assertEquals(card.gone, null);
  // The collector takes its time on a busy machine; what a round leaves behind would be more.
  assertLess(grown, 64 * MIB);
});

Deno.test("a running card is reset and configured anew, with smaller queues, and answers", async () => {
  await using card = await QemuCard.start();
  const memory = card.host.dma.available;
  const netdev = card.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  netdev.rxqConfigure(0, 64, { pool: netdev.poolCreate({ count: 100 }) });
  netdev.txqConfigure(0, 32);
  netdev.start();
  netdev.reset();
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
  assertEquals(card.host.dma.available, memory);
  assertEquals(await pingOverARestart(card, netdev), 2);
  netdev.close();
});

Deno.test(`${QEMUS} QEMUs one after the other: no process, descriptor or mapping is left`, async () => {
  const [descriptors, mappings] = [openDescriptors(), memfdMappings("ukdeno")];
  const pids: number[] = [];
  const started = performance.now();
  for (let i = 0; i < QEMUS; i++) {
    await using card = await QemuCard.start();
    pids.push(card.host.pid);
    // Every other one is ended in the middle of its life.
    if (i % 2 === 0) startAndStop(card.probe());
    else card.run(card.probe());
    assertEquals(memfdMappings("ukdeno-ram"), 1);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`life cycle: ${QEMUS} QEMUs in ${seconds.toFixed(1)} s`);
  assertEquals(pids.filter(processLives), []);
  assertEquals(memfdMappings("ukdeno"), mappings);
  assertNoMoreThan(descriptors);
});

Deno.test("a QEMU that is killed under a running card: ENODEV, and all is given back", async () => {
  const descriptors = openDescriptors();
  {
    await using card = await QemuCard.start();
    const memory = card.host.dma.available;
    const netdev = card.probe();
    const { networkInterface } = card.run(netdev);
    await new Deno.Command("setpriv", { args: ["kill", "-KILL", `${card.host.pid}`] }).output();
    await eventually("QEMU is gone", () => card.gone !== null);
    assertEquals(card.gone, "QEMU was killed by SIGKILL");
    networkInterface.suspend();
    netdev.stop();
    const error = assertThrows(() => netdev.start(), NetdevError, "pci 00:02.0 is gone");
    assertEquals(error.code, "ENODEV");
    netdev.close();
    card.registry.drvUnregister(netdev);
    assertEquals(card.host.dma.available, memory);
  }
  assertEquals(memfdMappings("ukdeno"), 0);
  assertNoMoreThan(descriptors);
});

function startAndStop(netdev: Netdev): void {
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: 768 });
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
  assert(pool.available < pool.size);
  netdev.stop();
  assertEquals(pool.available, pool.size, "netbufs after stop");
  netdev.start();
  netdev.stop();
  assertEquals(pool.available, pool.size, "netbufs after the second stop");
}

/** Pings the gateway, stops and starts the card, and pings again; how many pings were answered. */
async function pingOverARestart(card: QemuCard, netdev: Netdev): Promise<number> {
  let answers = 0;
  const running = card.run(netdev, { echoReply: () => answers++ });
  const { networkInterface } = running;
  await ping(card, running, () => answers === 1);
  networkInterface.suspend();
  netdev.stop();
  netdev.start();
  networkInterface.resume();
  await ping(card, running, () => answers === 2);
  networkInterface.suspend();
  return answers;
}

async function ping(card: QemuCard, running: RunningCard, answered: () => boolean): Promise<void> {
  running.host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, Math.floor(performance.now()));
  await card.runUntil(running, answered, PATIENCE_MS);
}

/** Deno itself may close some meanwhile: of the runtime of a test file that was run before. */
function assertNoMoreThan(descriptors: number): void {
  const open = openDescriptors();
  assert(open <= descriptors, `${open} descriptors are open, and there were ${descriptors}`);
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
