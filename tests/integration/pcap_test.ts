import { assert, assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { isNanosecondPcap, parsePcap, type PcapRecord } from "../app/pcap_file.ts";
import { Appliance, countersOf, eventually, type LogLine, runMain } from "./appliance.ts";
import { Capture, folderWithDumpingQemu } from "./capture.ts";
import { EchoFlood } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";

const FLOOD_ECHOES = 100_000;
const APPLIANCE_MAC = [0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f].join();

/** A folder for the files of one test. */
class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-pcap-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** ICMP messages in a file that is being written to: none while a part of one is there. */
function pingsIn(file: string): number {
  try {
    const records = parsePcap(Deno.readFileSync(file));
    return records.filter(({ bytes }) => bytes[12] === 0x08 && bytes[13] === 0 && bytes[23] === 1)
      .length;
  } catch {
    return 0;
  }
}

function isFromAppliance({ bytes }: PcapRecord): boolean {
  return bytes.slice(6, 12).join() === APPLIANCE_MAC;
}

/** Packets that the device counted, both ways. */
function counted(stopped: LogLine): [rx: number, tx: number] {
  const { rxPackets, txPackets } = countersOf(stopped).netdev;
  return [rxPackets, txPackets];
}

function recordedBothWays(records: readonly PcapRecord[]): [rx: number, tx: number] {
  const sent = records.filter(isFromAppliance).length;
  return [records.length - sent, sent];
}

Deno.test("--pcap: every frame, byte for byte what QEMU saw, judged by tshark", async () => {
  await using folder = await Folder.make();
  const file = `${folder.path}/own.pcap`;
  const before = BigInt(Date.now()) * 1_000_000n;
  let stopped: LogLine;
  {
    const path = await folderWithDumpingQemu(folder.path);
    await using appliance = new Appliance([`--pcap=${file}`], { path });
    await appliance.event("gateway");
    for (const payload of [0, 1, 56, 1472]) {
      const flags = ["-s", `${payload}`, "-c", "3", "-i", "0.05"];
      const { code, stderr } = await runMain(["ping", `--hub=${appliance.hub}`, ...flags]);
      assertEquals(code, 0, stderr);
    }
    const { status, stderr } = await appliance.stop();
    assertEquals(status.code, 0);
    assertEquals(stderr, "");
    stopped = await appliance.event("stopped");
  }
  const own = await Deno.readFile(file);
  const records = parsePcap(own);
  assertEquals(recordedBothWays(records), counted(stopped));
  assert(records.length > 24, `${records.length} frames`);

  assert(isNanosecondPcap(own));
  const after = BigInt(Date.now() + 1) * 1_000_000n;
  let last = before;
  for (const { time } of records) {
    assert(time >= last && time <= after, `${time} after ${last}`);
    last = time;
  }
  assert(records.some(({ time }) => time % 1000n !== 0n), "times are no better than microseconds");

  // QEMU and the appliance each have an order of their own between the two directions.
  const wire = parsePcap(await Deno.readFile(`${folder.path}/wire.pcap`));
  for (const fromUs of [true, false]) {
    const [ours, qemus] = [records, wire].map((frames) =>
      frames.filter((frame) => isFromAppliance(frame) === fromUs).map(({ bytes }) =>
        bytes.join(" ")
      )
    );
    assertEquals(ours, qemus);
  }

  const capture = await Capture.read(file);
  assertEquals(capture.where(() => true).length, records.length);
  assertEquals(capture.where(({ warning, malformed }) => warning !== "" || malformed !== ""), []);
  assertEquals(capture.where(({ icmpType }) => icmpType === "8").length, 4 * 3 + 1);
  assertEquals(capture.where(({ icmpType }) => icmpType === "0").length, 4 * 3 + 1);
});

Deno.test("ping --pcap: its requests and the replies", async () => {
  await using folder = await Folder.make();
  const file = `${folder.path}/ping.pcap`;
  await using appliance = new Appliance();
  await appliance.event("gateway");
  const flags = ["-c", "3", "-i", "0.05", `--pcap=${file}`];
  const { code, stderr } = await runMain(["ping", `--hub=${appliance.hub}`, ...flags]);
  assertEquals(code, 0, stderr);
  const capture = await Capture.read(file);
  for (const icmpType of ["8", "0"]) {
    const frames = capture.where((frame) => frame.icmpType === icmpType);
    assertEquals(frames.map(({ icmpSequence }) => icmpSequence), ["1", "2", "3"]);
  }
  await appliance.stop();
});

Deno.test("--pcap under a flood, stopped in the middle: as many frames as were counted", async () => {
  await using folder = await Folder.make();
  const file = `${folder.path}/flood.pcap`;
  await using appliance = new Appliance([`--pcap=${file}`]);
  await appliance.event("ready");
  const { socket, headerSent } = await connectHub(appliance.hub);
  using port = new StreamPort(socket, headerSent);
  const flood = new EchoFlood(port);
  const { replies } = flood.run(FLOOD_ECHOES);
  appliance.kill("SIGINT");
  flood.runUntilGone();
  const { status, stderr } = await appliance.ended();
  assertEquals(status.code, 0, stderr);
  const records = parsePcap(await Deno.readFile(file));
  const [rx, tx] = counted(await appliance.event("stopped"));
  assertEquals(recordedBothWays(records), [rx, tx]);
  console.log(`recorded: ${rx} frames in, ${tx} out, and then it was stopped`);
  assertGreaterOrEqual(tx, replies);
});

Deno.test("--pcap with QEMU killed: what was seen is in the file", async () => {
  await using folder = await Folder.make();
  const file = `${folder.path}/killed.pcap`;
  await using appliance = new Appliance([`--pcap=${file}`]);
  await appliance.event("gateway");
  const { pid } = await appliance.event("device");
  await new Deno.Command("setpriv", { args: ["kill", "-KILL", `${pid}`] }).output();
  const { status } = await appliance.ended();
  assertEquals(status.code, 1);
  const capture = await Capture.read(file);
  assertEquals(capture.where(({ icmpType }) => icmpType !== "").length, 2);
});

Deno.test("--pcap with kill -9: nothing waits to be written while the appliance sleeps", async () => {
  await using folder = await Folder.make();
  const file = `${folder.path}/killed.pcap`;
  await using appliance = new Appliance([`--pcap=${file}`]);
  await appliance.event("gateway");
  // Read while the appliance lives, and may write no more of it: it sleeps with nothing else to do.
  await eventually("both frames of a ping are in the file", () => pingsIn(file) === 2);
  appliance.kill("SIGKILL");
  await appliance.ended();
  const capture = await Capture.read(file);
  assertEquals(capture.where(({ icmpType }) => icmpType !== "").length, 2);
});

Deno.test("--pcap where it can't be: one line, status 1, and no QEMU is started for it", async () => {
  await using folder = await Folder.make();
  const cases: [string, RegExp][] = [
    [folder.path, /^ukdeno: can't write .*: open: Is a directory\n$/],
    [`${folder.path}/none/x.pcap`, /^ukdeno: can't write .*x\.pcap: open: No such file or dir/],
    ["/dev/full", /^ukdeno: can't write \/dev\/full: write: No space left on device\n$/],
  ];
  // Deno looks for setpriv there, and QEMU would be looked for in vain.
  const setpriv = '#!/bin/sh\nexec /usr/bin/setpriv "$@"\n';
  await Deno.writeTextFile(`${folder.path}/setpriv`, setpriv, { mode: 0o755 });
  const { path } = folder;
  for (const command of ["serve", "ping"]) {
    for (const [file, expected] of cases) {
      const { code, stdout, stderr } = await runMain([command, `--pcap=${file}`], { path });
      assertEquals(code, 1);
      assertEquals(stdout, "");
      assertMatch(stderr, expected);
      assertEquals(stderr.trimEnd().split("\n").length, 1);
    }
  }
});

/** Mounts a disk of 16 KiB over the folder, for the command behind it alone. */
function onSmallDisk(folder: string): string[] {
  const script = 'mount -t tmpfs -o size=16k tmpfs "$0" && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, folder];
}

async function mayMount(): Promise<boolean> {
  const { success } = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "unshare", "--mount", "true"],
  }).output();
  return success;
}

Deno.test("--pcap on a disk that runs full: told of once, whole frames kept, serving goes on", async () => {
  if (!await mayMount()) {
    console.log("SKIPPED, as only root may mount a small disk: --pcap on a disk that runs full");
    return;
  }
  await using folder = await Folder.make();
  const flags = [`--pcap=${folder.path}/x.pcap`];
  await using appliance = new Appliance(flags, { within: onSmallDisk(folder.path) });
  await appliance.event("ready");
  const ping = ["ping", `--hub=${appliance.hub}`, "-c", "120", "-i", "0.005"];
  const { code, stderr } = await runMain(ping);
  assertEquals(code, 0, stderr);
  const { reason } = await appliance.event("pcap-stopped");
  assertMatch(String(reason), /^can't write .*x\.pcap: write: No space left on device$/);

  const again = await runMain(["ping", `--hub=${appliance.hub}`, "-c", "2", "-i", "0.05"]);
  assertMatch(again.stdout, /2 packets transmitted, 2 received/);
  // The disk is in the mount namespace of the appliance, where only tshark may look.
  const capture = await Capture.read(`/proc/${appliance.pid}/root${folder.path}/x.pcap`);
  const pings = capture.where(({ icmpType }) => icmpType !== "").length;
  assert(pings > 100 && pings < 240, `${pings} frames fit`);
  const { status } = await appliance.stop();
  assertEquals(status.code, 0);
  assertEquals(appliance.lines.filter(({ event }) => event === "pcap-stopped").length, 1);
});
