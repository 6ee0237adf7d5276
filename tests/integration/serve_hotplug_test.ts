import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { NIC_ID, NIC_PORT } from "../../drivers/pci/qemu/qemu_command_line.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { echoFrame, echoReplyFromHost, HOST_MAC } from "../stack/frames.ts";
import { Appliance, countersOf, eventually, uniqueHub } from "./appliance.ts";
import { FloodThread } from "./flood_thread.ts";
import { type FramePort, StreamPort } from "./frame_port.ts";
import { residentBytes } from "./proc.ts";

/** QEMU's cards, and what `device_add` has to say of each beside its place on the network. */
const CARDS: readonly (readonly [model: string, properties: Record<string, unknown>])[] = [
  ["virtio-net-pci", { "disable-legacy": "on" }],
  ["i82550", {}],
];

const MIB = 2 ** 20;
/** More than would fit, if the memory of queues and buffers were not given back: 1.6 of 63 MiB. */
const ROUNDS = 60;
const WARM_UP = 20;
const FLOOD_ROUNDS = 5;

const MAC = "02:75:0a:00:02:62";
const IP = "10.0.2.98";
const SILENCE_MS = 20_000;
const ABSENCE_MS = 50;

/** How many files a process has open. */
async function openFiles(pid: number): Promise<number> {
  const args = ["--pdeathsig", "KILL", "ls", `/proc/${pid}/fd`];
  const { stdout } = await new Deno.Command("setpriv", { args }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").length;
}

/** An appliance whose QEMU has an operator, and that operator. */
class Operated implements AsyncDisposable {
  readonly appliance: Appliance;
  readonly #card: Readonly<Record<string, unknown>>;
  #qmp: QmpClient | null = null;
  #socket: Disposable | null = null;
  readonly #monitor = uniqueHub();
  #pulls = 0;
  #puts = 0;

  constructor(model: string, properties: Readonly<Record<string, unknown>>, ...args: string[]) {
    this.appliance = new Appliance([
      `--device=qemu:${model}`,
      `--monitor=${this.#monitor}`,
      ...args,
    ]);
    this.#card = { driver: model, id: NIC_ID, netdev: NIC_PORT, romfile: "", ...properties };
  }

  /** Waits until it serves, and joins the monitor. */
  async ready(): Promise<void> {
    await this.appliance.event("ready");
    const socket = connectAbstract(this.#monitor);
    this.#socket = socket;
    this.#qmp = new QmpClient(socket);
    this.#qmp.execute("qmp_capabilities");
  }

  /** Pulls the card, and waits until it's gone on both sides. */
  async pull(): Promise<void> {
    this.remove();
    const { unplugs } = await this.appliance.nthEvent(++this.#pulls, "unplugged");
    assertEquals(unplugs, this.#pulls);
  }

  /** Pulls the card, and waits until QEMU has let go of it: it says so of each part of the card. */
  remove(): void {
    this.#qmp?.execute("device_del", { id: NIC_ID });
    for (let deleted: unknown = null; deleted !== NIC_ID;) {
      deleted = (this.#qmp?.event("DEVICE_DELETED").data as { device?: string }).device;
    }
  }

  /** Puts a card in, and waits until it's in use. */
  async put(properties: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.add(properties);
    const { plugs } = await this.appliance.nthEvent(++this.#puts, "plugged");
    assertEquals(plugs, this.#puts);
  }

  /** Makes a second place on the network, for a card beside the first. */
  addPlace(id: string): void {
    this.#qmp?.execute("netdev_add", { type: "hubport", id, hubid: 0 });
  }

  /** Puts a card in, whatever comes of it. */
  add(properties: Readonly<Record<string, unknown>>): void {
    this.#qmp?.execute("device_add", { mac: HOST_MAC, ...this.#card, ...properties });
  }

  /** Puts a card in that has nothing of the first one but its place on the network. */
  exchange(properties: Readonly<Record<string, unknown>>): void {
    this.#qmp?.execute("device_add", { id: NIC_ID, netdev: NIC_PORT, romfile: "", ...properties });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    await this.appliance[Symbol.asyncDispose]();
  }
}

async function portOf(appliance: Appliance): Promise<StreamPort> {
  const { socket, headerSent } = await connectHub(appliance.hub);
  return new StreamPort(socket, headerSent);
}

function request(sequence: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(echoFrame({ source: MAC, from: IP }, { sequence }));
}

/** Whether this ping is answered within so long; other frames are passed over. */
function isAnswered(port: FramePort, sequence: number, silenceMs: number): boolean {
  port.send(request(sequence));
  const expected = echoReplyFromHost({ destination: MAC, to: IP }, { sequence });
  for (;;) {
    const frame = port.next(silenceMs);
    if (frame === null) return false;
    if (expected.every((byte, i) => frame[i] === byte)) return true;
  }
}

for (const [model, properties] of CARDS) {
  Deno.test(`${model} is pulled and put back: told, counted, and it answers again`, async () => {
    await using operated = new Operated(model, properties);
    await operated.ready();
    const { appliance } = operated;
    using port = await portOf(appliance);
    assert(isAnswered(port, 1, SILENCE_MS));
    await operated.pull();
    assert(!isAnswered(port, 2, ABSENCE_MS), "an answer without a card");
    await operated.put();
    assert(isAnswered(port, 3, SILENCE_MS));
    const device = await appliance.nthEvent(2, "device");
    assertEquals([device.device, device.mac], ["net0", HOST_MAC]);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const counters = countersOf(await appliance.event("stopped"));
    assertEquals([counters.interface.unplugs, counters.interface.plugs], [1, 1]);
    // The host has gone on counting, and the card is a new one.
    assertEquals(counters.host.echoRequestsAnswered, 2);
    assertLess(counters.netdev.rxPackets, 10);
  });

  Deno.test(`${model} is pulled and put back ${ROUNDS} times: no memory or file is lost`, async () => {
    await using operated = new Operated(model, properties);
    await operated.ready();
    const { appliance } = operated;
    using port = await portOf(appliance);
    let [warm, files] = [0, 0];
    const started = performance.now();
    for (let round = 1; round <= ROUNDS; round++) {
      await operated.pull();
      await operated.put();
      assert(isAnswered(port, round, SILENCE_MS), `round ${round}`);
      if (round !== WARM_UP) continue;
      warm = residentBytes(appliance.pid);
      files = await openFiles(appliance.pid);
    }
    const milliseconds = (performance.now() - started) / ROUNDS;
    const grown = residentBytes(appliance.pid) - warm;
    console.log(
      `hot-plug: ${model} pulled and put back ${ROUNDS} times, ${milliseconds.toFixed(1)} ms ` +
        `each with a ping; memory ${(warm / MIB).toFixed(1)} MiB + ${(grown / MIB).toFixed(1)} MiB`,
    );
    const open = await openFiles(appliance.pid);
    assert(open <= files, `${files} files, then ${open}`);
    assertLess(grown, 32 * MIB);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const counters = countersOf(await appliance.event("stopped"));
    assertEquals(counters.interface.plugs, ROUNDS);
    assertEquals(counters.host.echoRequestsAnswered, ROUNDS);
  });

  Deno.test(`${model} is pulled and put back under a flood: echoes resume each time`, async () => {
    await using operated = new Operated(model, properties);
    await operated.ready();
    const { appliance } = operated;
    await using flood = new FloodThread({ hub: appliance.hub, resendAfter: 5 });
    await flood.runs();
    for (let round = 0; round < FLOOD_ROUNDS; round++) {
      await operated.pull();
      await operated.put();
      const before = flood.totals.replies;
      await eventually(
        "echoes resume",
        () => flood.failure !== null || flood.totals.replies > before,
      );
    }
    const { replies, resent, wrong } = await flood.stop();
    console.log(
      `hot-plug: ${model} pulled and put back ${FLOOD_ROUNDS} times under a flood, ` +
        `${replies} replies, ${resent} requests sent again`,
    );
    assertGreater(replies, 0);
    assertEquals(wrong, 0);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
  });
}

Deno.test("a card with another MAC address is put in, in another slot: the host stays who it is", async () => {
  const [[model, properties]] = CARDS;
  await using operated = new Operated(model, properties);
  await operated.ready();
  using port = await portOf(operated.appliance);
  await operated.pull();
  await operated.put({ mac: "52:54:00:12:34:56", addr: "7" });
  assert(isAnswered(port, 1, SILENCE_MS));
  const { mac, location } = await operated.appliance.nthEvent(2, "device");
  assertEquals([mac, location], [HOST_MAC, "pci 00:07.0"], "the card was given the host's address");
  assertEquals((await operated.appliance.stop()).status.code, 0);
});

Deno.test("a card that can't carry the host's packets is told of, and another one is taken", async () => {
  const [[model, properties]] = CARDS;
  await using operated = new Operated(model, properties);
  await operated.ready();
  using port = await portOf(operated.appliance);
  await operated.pull();
  operated.add({ host_mtu: 1400 });
  const { reason } = await operated.appliance.event("unusable");
  assertEquals(reason, "its MTU is 1400, and the host's 1500");
  operated.remove();
  await operated.put({ addr: "8" });
  assert(isAnswered(port, 1, SILENCE_MS));
  assertEquals((await operated.appliance.stop()).status.code, 0);
});

Deno.test("a card that no driver wants is told of in one line, and another one is taken", async () => {
  const [[model, properties]] = CARDS;
  await using operated = new Operated(model, properties);
  await operated.ready();
  using port = await portOf(operated.appliance);
  await operated.pull();
  operated.exchange({ driver: "e1000" });
  const { reason } = await operated.appliance.event("unusable");
  assertEquals(reason, "no driver wants the card 8086:100e at pci 00:02.0");
  operated.remove();
  await operated.put();
  assert(isAnswered(port, 1, SILENCE_MS));
  const unusable = operated.appliance.lines.filter(({ event }) => event === "unusable");
  assertEquals(unusable.length, 1);
  assertEquals((await operated.appliance.stop()).status.code, 0);
});

Deno.test("a second card beside the first is let go of, and the first one answers", async () => {
  const [[model, properties]] = CARDS;
  await using operated = new Operated(model, properties);
  await operated.ready();
  const { appliance } = operated;
  using port = await portOf(appliance);
  operated.addPlace("second-port");
  operated.add({ id: "second", netdev: "second-port", mac: "52:54:00:12:34:56", addr: "9" });
  for (let sequence = 1; sequence <= 10; sequence++) {
    assert(isAnswered(port, sequence, SILENCE_MS));
  }
  await operated.pull();
  await operated.put();
  assert(isAnswered(port, 11, SILENCE_MS));
  const cards = appliance.lines.filter(({ event }) => event === "device");
  assertEquals(cards.map(({ location }) => location), ["pci 00:02.0", "pci 00:02.0"]);
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
});

Deno.test("one of two cards is pulled: the other one answers meanwhile", async () => {
  const [[model, properties]] = CARDS;
  await using operated = new Operated(model, properties, "--device=qemu");
  await operated.ready();
  const { appliance } = operated;
  await appliance.event("ready", "net1");
  await operated.pull();
  const target = { mac: "02:75:0a:00:02:10", ip: "10.0.2.16" };
  await using flood = new FloodThread({ hub: `${appliance.hub}-net1`, target });
  await flood.runs();
  await operated.put();
  const { replies, wrong } = await flood.stop();
  assertGreater(replies, 0);
  assertEquals(wrong, 0);
  using port = await portOf(appliance);
  assert(isAnswered(port, 1, SILENCE_MS));
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  assertEquals(countersOf(await appliance.event("stopped"), "net1").interface.plugs, 0);
});
