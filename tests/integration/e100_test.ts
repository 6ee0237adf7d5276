import { assert, assertEquals, assertMatch } from "@std/assert";
import { arpFrame, HOST_IP, HOST_MAC, mac } from "../stack/frames.ts";
import { eventually } from "./appliance.ts";
import { QemuE100 } from "./qemu_e100.ts";

const ARP = 0x0806;
/** Nobody's: local experiments (IEEE 802, EtherType 0x88b5). */
const EXPERIMENT = 0x88b5;
const BROADCAST = "ff:ff:ff:ff:ff:ff";
const GATEWAY = "10.0.2.2";

/** A frame of 60 bytes that tells by its number which one it is. */
function experiment(number: number, destination = BROADCAST): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(60).fill(number & 0xff, 16);
  frame.set(mac(destination), 0);
  frame.set(mac("02:75:0a:00:02:62"), 6);
  frame.set([EXPERIMENT >>> 8, EXPERIMENT & 0xff, number >>> 8, number & 0xff], 12);
  return frame;
}

function numberOf(frame: readonly number[]): number {
  return frame[14] << 8 | frame[15];
}

/** The question that QEMU's user network answers. */
function whoHasGateway(): Uint8Array {
  return arpFrame({
    source: HOST_MAC,
    sha: HOST_MAC,
    spa: HOST_IP,
    tpa: GATEWAY,
    destination: BROADCAST,
  });
}

const MODELS: readonly (readonly [model: string, chip: string])[] = [
  ["i82550", "82550 or 82551"],
  ["i82557b", "82557"],
  ["i82559er", "82559S"],
];

for (const [model, chip] of MODELS) {
  Deno.test(`QEMU's ${model} is brought up, and its gateway's answer wakes us`, async () => {
    await using card = await QemuE100.start(model);
    const { netdev } = card;
    assertEquals([...netdev.hwaddrGet()], [...mac(HOST_MAC)], "as its EEPROM has it");
    assertEquals([netdev.linkGet(), card.fact("chip")], [true, chip]);
    assertMatch(card.fact("EEPROM") ?? "", /^64 words, checksum 0x[0-9a-f]{4}$/);
    assertEquals(card.fact("PHY"), "1, id 0x02a80154");
    assertEquals(netdev.rxqIntrEnable(0), 0);
    card.send(whoHasGateway());
    await card.awaitInterrupt();
    assertEquals([card.interrupts, netdev.statsGet().interrupts], [1, 1]);
    const reply = await card.awaitFrame(ARP);
    assertEquals(reply.slice(0, 6), [...mac(HOST_MAC)]);
    assertEquals([card.fact("tx good frames"), card.fact("rx good frames")], ["1", "1"]);
    assertEquals(card.events, []);
  });
}

Deno.test("a burst of 200 frames leaves QEMU's i82550 in order, without a gap", async () => {
  await using card = await QemuE100.start("i82550");
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  assertEquals(card.send(...numbers.map((number) => experiment(number))), 200);
  assertEquals(numbers.map(() => numberOf(card.seen(EXPERIMENT))), numbers);
  await eventually("all blocks are free", () => card.netdev.txqReclaim(0) === 256);
});

Deno.test("bursts on the heels of each other leave it in order", async () => {
  await using card = await QemuE100.start("i82550");
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const number of numbers) assertEquals(card.send(experiment(number)), 1);
  assertEquals(numbers.map(() => numberOf(card.seen(EXPERIMENT))), numbers);
});

Deno.test("more frames than descriptors, and nobody polls: it receives again by itself", async () => {
  await using card = await QemuE100.start("i82550", 16);
  const { netdev, port } = card;
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  for (const number of numbers) port.send(experiment(number));
  // 14 frames, and the end of the list, which takes nothing: QEMU keeps that frame and the others.
  await eventually("the list is used up", () => Number(card.fact("rx good frames")) === 15);
  const received = card.received().map(numberOf);
  assertEquals(received, numbers.slice(0, 14));
  assertEquals(card.fact("receiver restarts"), "1");
  await eventually("the last one comes", () => {
    received.push(...card.received().map(numberOf));
    return received.at(-1) === 99;
  });
  assertEquals(received, numbers);
  assert(Number(card.fact("receiver restarts")) > 1);
  assert(netdev.statsGet().drops.rx_zero_length > 0, "the end of the list");
  assertEquals(card.events, []);
});

Deno.test("asleep, it's woken by frames that are more than its descriptors", async () => {
  await using card = await QemuE100.start("i82550", 16);
  const { netdev, port } = card;
  assertEquals(netdev.rxqIntrEnable(0), 0);
  for (let number = 0; number < 40; number++) port.send(experiment(number));
  await card.awaitInterrupt();
  const seen: number[] = [];
  for (let rounds = 0; seen.at(-1) !== 39; rounds++) {
    assert(rounds < 100, `it stopped after ${seen}`);
    seen.push(...card.received().map(numberOf));
    // As a loop does: poll again, or sleep.
    if (netdev.rxqIntrEnable(0) === 0 && seen.at(-1) !== 39) await card.awaitInterrupt();
  }
  assert(netdev.statsGet().interrupts > 0);
});

Deno.test("it filters by address, until it's promiscuous", async () => {
  await using card = await QemuE100.start("i82550");
  const { netdev, port } = card;
  const numbers = async (last: number): Promise<number[]> => {
    const seen: number[] = [];
    await eventually("the last one comes", () => {
      seen.push(...card.received().map(numberOf));
      return seen.includes(last);
    });
    return seen;
  };
  port.send(experiment(1, "02:75:0a:00:02:99"));
  port.send(experiment(2, HOST_MAC));
  port.send(experiment(3));
  assertEquals(await numbers(3), [2, 3]);
  netdev.promiscuousSet(true);
  port.send(experiment(4, "02:75:0a:00:02:99"));
  port.send(experiment(5));
  assertEquals(await numbers(5), [4, 5]);
  netdev.promiscuousSet(false);
  netdev.hwaddrSet(mac("02:75:0a:00:02:99"));
  port.send(experiment(6, HOST_MAC));
  port.send(experiment(7, "02:75:0a:00:02:99"));
  assertEquals(await numbers(7), [7]);
});

Deno.test("twenty stops and starts: it works after each, and no netbuf is lost", async () => {
  await using card = await QemuE100.start("i82550", 16);
  const { netdev, pool } = card;
  for (let i = 0; i < 20; i++) {
    card.send(whoHasGateway());
    await card.awaitFrame(ARP);
    netdev.stop();
    assertEquals(pool.available, pool.size);
    netdev.start();
  }
});
