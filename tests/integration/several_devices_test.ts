import { assert, assertEquals, assertGreater, assertMatch, assertNotEquals } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { arpFrame, echoFrame, echoReplyFromHost } from "../stack/frames.ts";
import { Appliance, countersOf, eventually, runMain, uniqueHub } from "./appliance.ts";
import { FloodThread } from "./flood_thread.ts";
import { type FramePort, StreamPort } from "./frame_port.ts";
import { processLives } from "./proc.ts";

/** Two devices that one appliance is on. */
const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ["qemu:virtio-net-pci", "qemu:virtio-net-pci"],
  ["qemu:virtio-net-pci", "qemu:i82550"],
  ["qemu:i82550", "qemu:virtio-net-pci"],
];

/** Where the hosts of two devices are unless told otherwise. */
const TARGETS = [
  { mac: "02:75:0a:00:02:0f", ip: "10.0.2.15" },
  { mac: "02:75:0a:00:02:10", ip: "10.0.2.16" },
] as const;

/** Who the test is, on either network. */
const MAC = "02:75:0a:00:02:62";
const IP = "10.0.2.98";

const FLOOD_MS = 2000;
const PINGS = 50;
const PING_INTERVAL_MS = 20;
const SILENCE_MS = 20_000;
/** As long as this no answer must come. */
const QUIET_MS = 200;

/** The hub of the nth device, from 0. */
function hubOf(appliance: Appliance, device: number): string {
  return device === 0 ? appliance.hub : `${appliance.hub}-net${device}`;
}

async function portOf(appliance: Appliance, device: number): Promise<StreamPort> {
  const { socket, headerSent } = await connectHub(hubOf(appliance, device));
  return new StreamPort(socket, headerSent);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function bytes(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(frame);
}

/** Pings the host of a device once, and compares every byte of the reply; milliseconds that it took. */
function ping(port: FramePort, device: number, sequence: number): number {
  const { mac, ip } = TARGETS[device];
  const started = performance.now();
  port.send(bytes(echoFrame({ source: MAC, destination: mac, from: IP, to: ip }, { sequence })));
  const expected = echoReplyFromHost(
    { source: mac, destination: MAC, from: ip, to: IP },
    { sequence },
  );
  for (;;) {
    const frame = port.next(SILENCE_MS);
    assert(frame !== null, `no answer to ping ${sequence} of net${device}`);
    if (expected.every((byte, i) => frame[i] === byte)) return performance.now() - started;
  }
}

for (const [first, second] of PAIRS) {
  const args = [`--device=${first}`, `--device=${second}`];

  Deno.test(`${first} and ${second}: each says what it is, and answers on its network`, async () => {
    await using appliance = new Appliance(args);
    for (const [number, { mac, ip }] of TARGETS.entries()) {
      const ready = await appliance.event("ready", `net${number}`);
      assertEquals([ready.mac, ready.ip, ready.hub], [mac, `${ip}/24`, hubOf(appliance, number)]);
      assertEquals((await appliance.event("gateway", `net${number}`)).answered, true);
    }
    const pids = await Promise.all(
      ["net0", "net1"].map(async (name) => Number((await appliance.event("device", name)).pid)),
    );
    assertNotEquals(pids[0], pids[1]);
    for (const number of [0, 1]) {
      using port = await portOf(appliance, number);
      ping(port, number, 1);
      // The other device's address is nobody's here.
      const target = { destination: "ff:ff:ff:ff:ff:ff", tpa: TARGETS[1 - number].ip };
      port.send(bytes(arpFrame({ source: MAC, spa: IP, ...target })));
      for (let frame = port.next(QUIET_MS); frame !== null; frame = port.next(QUIET_MS)) {
        const isArpReply = frame[12] === 0x08 && frame[13] === 0x06 && frame[21] === 2;
        assert(!isArpReply, `net${number} answers for another: ${frame}`);
      }
    }
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const stopped = await appliance.event("stopped");
    for (const name of ["net0", "net1"]) {
      assertEquals(countersOf(stopped, name).host.echoRequestsAnswered, 1);
    }
    assertEquals(pids.filter(processLives), []);
  });

  Deno.test(`${first} and ${second}: both answer under flood, every reply right`, async () => {
    await using appliance = new Appliance(args);
    await appliance.event("ready", "net1");
    await using one = new FloodThread({ hub: hubOf(appliance, 0), target: TARGETS[0] });
    await using other = new FloodThread({ hub: hubOf(appliance, 1), target: TARGETS[1] });
    const floods = [one, other];
    for (const flood of floods) await flood.runs();
    const before = floods.map(({ totals }) => totals.replies);
    await sleep(FLOOD_MS);
    const counts = floods.map(({ totals }, i) => totals.replies - before[i]);
    // Neither has come to a stand, however long a part of it takes here.
    await eventually(
      "both go on",
      () => floods.every(({ totals, failure }, i) => failure || totals.replies > before[i]),
    );
    for (const flood of floods) {
      const { replies, wrong } = await flood.stop();
      assertGreater(replies, 0);
      assertEquals(wrong, 0);
    }
    console.log(
      `fairness: both flooded for ${FLOOD_MS / 1000} s, ${first} ${counts[0]} echoes, ` +
        `${second} ${counts[1]}, ratio ${(counts[0] / counts[1]).toFixed(2)}`,
    );
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const stopped = await appliance.event("stopped");
    for (const [number, flood] of floods.entries()) {
      const { host } = countersOf(stopped, `net${number}`);
      // One more: the flood begins with a request that it doesn't count.
      assertEquals(host.echoRequestsAnswered, flood.totals.replies + 1);
      assertEquals(host.drops, {});
    }
  });

  Deno.test(`${first} flooded, ${second} quiet: the quiet one's pings are answered`, async () => {
    await using appliance = new Appliance(args);
    await appliance.event("ready", "net1");
    using port = await portOf(appliance, 1);
    ping(port, 1, 0);
    await using flood = new FloodThread({ hub: hubOf(appliance, 0), target: TARGETS[0] });
    await flood.runs();
    const before = flood.totals.replies;
    const times: number[] = [];
    for (let sequence = 1; sequence <= PINGS; sequence++) {
      times.push(ping(port, 1, sequence));
      await sleep(PING_INTERVAL_MS);
    }
    const echoes = flood.totals.replies - before;
    const { replies, wrong } = await flood.stop();
    times.sort((a, b) => a - b);
    console.log(
      `fairness: ${second} pinged beside a flooded ${first} (${echoes} echoes): ${PINGS} of ` +
        `${PINGS} answered, round trip ${times[PINGS >>> 1].toFixed(2)} ms (median), ` +
        `${times[PINGS - 1].toFixed(2)} ms (longest)`,
    );
    assertGreater(replies, before);
    assertEquals(wrong, 0);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const { host } = countersOf(await appliance.event("stopped"), "net1");
    assertEquals(host.echoRequestsAnswered, PINGS + 1);
  });
}

async function killQemu(appliance: Appliance, name: string): Promise<void> {
  const { pid } = await appliance.event("device", name);
  await new Deno.Command("setpriv", { args: ["kill", "-KILL", `${pid}`] }).output();
}

Deno.test("one of two devices fails: told, closed, and the other goes on; status 1 in the end", async () => {
  await using appliance = new Appliance(["--device=qemu", "--device=qemu"]);
  await appliance.event("ready", "net1");
  await killQemu(appliance, "net0");
  const failed = await appliance.event("failed");
  assertEquals([failed.device, failed.reason], ["net0", "QEMU was killed by SIGKILL"]);
  using port = await portOf(appliance, 1);
  for (let sequence = 0; sequence < 10; sequence++) ping(port, 1, sequence);
  const { status, stderr } = await appliance.stop();
  assertEquals(stderr, "ukdeno: net0 has failed: QEMU was killed by SIGKILL\n");
  assertEquals(status.code, 1);
  const stopped = await appliance.event("stopped");
  assertGreater(countersOf(stopped, "net0").host.arpAnnouncementsSent, 0);
  assertEquals(countersOf(stopped, "net1").host.echoRequestsAnswered, 10);
});

Deno.test("the last of two devices fails: it ends with one line of both, status 1", async () => {
  await using appliance = new Appliance(["--device=qemu", "--device=qemu"]);
  await appliance.event("ready", "net1");
  await killQemu(appliance, "net1");
  await appliance.event("failed", "net1");
  await killQemu(appliance, "net0");
  const { status, stderr } = await appliance.ended();
  const reason = "has failed: QEMU was killed by SIGKILL";
  assertEquals(stderr, `ukdeno: net0 ${reason}; net1 ${reason}\n`);
  assertEquals(status.code, 1);
});

Deno.test("a second device that can't be opened: one line names it, and no QEMU is left", async () => {
  const hub = uniqueHub();
  const { code, stdout, stderr } = await runMain([
    "--device=qemu",
    `--device=stream:@${hub}-nobody`,
    "--ip=10.0.2.15/24",
    "--ip=192.0.2.1/24",
    `--hub=${hub}`,
  ]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^ukdeno: net1: nobody listens on socket @.*server=on\n$/);
  const again = await runMain([`--hub=${hub}`, "--duration=0.1"]);
  assertEquals([again.code, again.stderr], [0, ""]);
});

Deno.test("devices of different drivers in one process: each is pinged in its own way", async () => {
  const name = uniqueHub();
  await using appliance = new Appliance([
    "--device=qemu",
    `--device=stream:@${name},server=on`,
    "--ip=10.0.2.15/24",
    "--ip=192.0.2.1/24",
    `--hub=${name}-hub`,
  ]);
  const ready = await appliance.event("ready", "net1");
  assertEquals([ready.driver, ready.hub], ["stream", null]);
  const pings = [
    ["ping", `--hub=${name}-hub`],
    ["ping", `--device=stream:@${name}`, "--ip=192.0.2.2/24", "192.0.2.1"],
  ];
  for (const args of pings) {
    const { code, stdout } = await runMain([...args, "-c", "2", "-i", "0.01"]);
    assertEquals(code, 0, stdout);
  }
  const link = await appliance.event("link", "net1");
  assertEquals(link.up, true);
  await eventually("the peer has gone", () => appliance.lines.some(({ up }) => up === false));
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("the text log tells of several devices by their names", async () => {
  const hub = uniqueHub();
  const { code, stdout, stderr } = await runMain(
    ["--device=qemu", "--device=qemu", "--gateway=10.0.2.2", `--hub=${hub}`],
    {
      when: {
        printed: /(net[01]: gateway .*){2}/s,
        act: (command) => command.kill("SIGINT"),
      },
    },
  );
  assertEquals([code, stderr], [0, ""]);
  for (const [number, { mac, ip }] of TARGETS.entries()) {
    const name = `net${number}`;
    assertMatch(stdout, new RegExp(`^${name} is virtio-net at pci 00:02\\.0 of QEMU`, "m"));
    assertMatch(stdout, new RegExp(`^${name}: MAC ${mac}, MTU 1500, link up, 1 RX`, "m"));
    assertMatch(stdout, new RegExp(`^${name}: ready: ${ip}/24 answers ARP and ping`, "m"));
    assertMatch(stdout, new RegExp(`^${name}: gateway 10\\.0\\.2\\.2 answered our ping in`, "m"));
    assertMatch(stdout, new RegExp(`^  ${name} device  rx packets \\d+`, "m"));
    assertMatch(stdout, new RegExp(`^  ${name} stack   arp requests sent \\d`, "m"));
  }
  assertMatch(stdout, /^ {2}loop {9}rounds \d+/m);
});
