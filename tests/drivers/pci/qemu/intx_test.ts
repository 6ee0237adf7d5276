import { assert, assertEquals } from "@std/assert";
import type { PciDevice } from "../../../../drivers/pci/pci_device.ts";
import type { RegisterWindow } from "../../../../drivers/pci/register_window.ts";
import { BareHost } from "./bare_host.ts";

/** Registers of the 8255x (Intel's Open Source Software Developer Manual, §6.3). */
const STAT_ACK = 1;
const INTERRUPT_MASK = 3;
/** STAT/ACK: the interrupt that software asked for. */
const SWI = 0x04;
/** Interrupt mask byte: asks for it; masks all. */
const SI = 0x02;
const M = 0x01;

const MEMORY_BAR = 0;
const IO_BAR = 1;

/** Takes the card up as far as its registers; whether it answers by memory or by ports. */
function open(card: PciDevice, bar = MEMORY_BAR): RegisterWindow {
  card.requestRegions("test");
  card.enable();
  return card.mapBar(bar);
}

/** The interrupt handler of a card: acknowledges, and says whether it was its own. */
function acknowledge(registers: RegisterWindow): boolean {
  const status = registers.read8(STAT_ACK);
  if (status === 0) return false;
  registers.write8(STAT_ACK, status);
  return true;
}

Deno.test("an interrupt of a real card wakes the sleeper, and is over when it's acknowledged", async () => {
  await using bare = await BareHost.start("i82550");
  const [card] = bare.cards();
  const registers = open(card);
  const line = bare.host.enableIntx(card);
  const seen: number[] = [];
  line.connect(() => {
    seen.push(registers.read8(STAT_ACK));
    return acknowledge(registers);
  });
  for (let round = 1; round <= 20; round++) {
    registers.write8(INTERRUPT_MASK, SI);
    assert(await bare.until(() => seen.length === round), `round ${round}: ${seen}`);
    assertEquals(registers.read8(STAT_ACK), 0);
  }
  bare.waiter.poll();
  assertEquals(seen, new Array(20).fill(SWI));
});

Deno.test("a masked interrupt comes once it's unmasked; a disabled pin interrupts nobody", async () => {
  await using bare = await BareHost.start("i82550");
  const [card] = bare.cards();
  const registers = open(card);
  const line = bare.host.enableIntx(card);
  let interrupts = 0;
  line.connect(() => {
    interrupts++;
    return acknowledge(registers);
  });
  registers.write8(INTERRUPT_MASK, M | SI);
  assertEquals(registers.read8(STAT_ACK), SWI);
  bare.waiter.poll();
  assertEquals(interrupts, 0);
  registers.write8(INTERRUPT_MASK, 0);
  assert(await bare.until(() => interrupts === 1));

  bare.host.disableIntx(card, line);
  registers.write8(INTERRUPT_MASK, SI);
  assertEquals(registers.read8(STAT_ACK), SWI);
  bare.waiter.poll();
  bare.waiter.poll();
  assertEquals(interrupts, 1);
  const again = bare.host.enableIntx(card);
  again.connect(() => {
    interrupts++;
    return acknowledge(registers);
  });
  assert(await bare.until(() => interrupts === 2), "it was pending all the time");
});

Deno.test("an interrupt that its driver denies is counted, and keeps nobody awake", async () => {
  await using bare = await BareHost.start("i82550");
  const [card] = bare.cards();
  const registers = open(card);
  let asked = 0;
  bare.host.enableIntx(card).connect(() => {
    asked++;
    return false;
  });
  registers.write8(INTERRUPT_MASK, SI);
  assert(await bare.until(() => asked === 1));
  assert(await bare.quiet());
  assertEquals([asked, bare.host.unclaimedInterrupts], [1, 1]);
  assertEquals(acknowledge(registers), true);
  registers.write8(INTERRUPT_MASK, SI);
  assert(await bare.until(() => asked === 2), "the line was low in between");
});

Deno.test("two cards share a line: both are asked, and each answers for itself", async () => {
  await using bare = await BareHost.start("i82550");
  // Slots 2 and 6 are on the same wire.
  bare.operator.execute("device_add", { driver: "i82550", id: "second", addr: "6", romfile: "" });
  const cards = bare.cards();
  assertEquals(cards.map(({ name }) => name), ["00:02.0", "00:06.0"]);
  const windows = cards.map((card) => open(card));
  const asked = [0, 0];
  const answered = [0, 0];
  cards.forEach((card, i) => {
    bare.host.enableIntx(card).connect(() => {
      asked[i]++;
      const mine = acknowledge(windows[i]);
      if (mine) answered[i]++;
      return mine;
    });
  });
  windows[1].write8(INTERRUPT_MASK, SI);
  assert(await bare.until(() => answered[1] === 1));
  assertEquals(answered, [0, 1]);
  assert(asked[0] >= 1, "the first one was asked as well");

  // Both raise it before anyone looks: it's one interrupt line, and two interrupts.
  for (const window of windows) window.write8(INTERRUPT_MASK, SI);
  assert(await bare.until(() => answered[0] === 1 && answered[1] === 2), `${answered}`);
  assertEquals(windows.map((window) => window.read8(STAT_ACK)), [0, 0]);
});

Deno.test("I/O ports and memory show the same registers", async () => {
  await using bare = await BareHost.start("i82550");
  const [card] = bare.cards();
  const memory = open(card);
  const ports = card.mapBar(IO_BAR);
  assertEquals([card.bar(IO_BAR).space, card.bar(IO_BAR).byteLength], ["io", 64]);
  assertEquals([card.bar(MEMORY_BAR).space, memory.byteLength], ["memory", 4096]);
  for (const bar of [MEMORY_BAR, IO_BAR]) {
    const other = bar === MEMORY_BAR ? ports : memory;
    const value = 0x1234_5678 + bar;
    card.mapBar(bar).write32(4, value);
    assertEquals([other.read32(4), other.read16(4), other.read8(7)], [
      value,
      value & 0xffff,
      value >>> 24,
    ]);
  }
  memory.write8(INTERRUPT_MASK, M);
  assertEquals(ports.read8(INTERRUPT_MASK), M);
  const all = (window: RegisterWindow) => [0, 4, 16, 20].map((at) => window.read32(at));
  assertEquals(all(ports), all(memory));
});

Deno.test("a card reaches memory by itself only while it's master of the bus", async () => {
  await using bare = await BareHost.start("i82550");
  const [card] = bare.cards();
  const registers = open(card);
  const { dma } = bare.host;
  const offset = dma.alloc(16, 16);
  const { u32 } = dma.region;
  // PORT: a self-test writes a signature and a result to memory (§6.3.3.2).
  const selfTest = (): boolean => {
    u32.fill(0, offset / 4, offset / 4 + 4);
    registers.write32(8, dma.region.deviceAddress(offset) | 1);
    registers.read8(STAT_ACK);
    return u32[offset / 4] !== 0;
  };
  assertEquals(selfTest(), false);
  card.setMaster();
  assertEquals(selfTest(), true);
  card.clearMaster();
  assertEquals(selfTest(), false);
});
