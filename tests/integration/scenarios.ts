import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  arpFrame,
  arpReplyFromHost,
  echoFrame,
  echoReplyFromHost,
  HOST_IP,
  HOST_MAC,
} from "../stack/frames.ts";
import { type Appliance, countersOf } from "./appliance.ts";
import type { TestDevice } from "./devices.ts";
import { EchoFlood } from "./echo_flood.ts";
import type { FramePort } from "./frame_port.ts";

/** Who the test is on the network. */
const MAC = "02:75:0a:00:02:62";
const IP = "10.0.2.98";
const ASKING = { source: MAC, from: IP };
const ANSWERED = { destination: MAC, to: IP };

const PAYLOADS = [0, 1, 7, 55, 56, 1472];
const FLOOD_ECHOES = 20_000;
const SILENCE_MS = 10_000;
/** As long as this nothing more must come. */
const QUIET_MS = 50;

/** Something that an appliance must do on every device. */
export interface Scenario {
  readonly name: string;
  run(device: TestDevice): Promise<void>;
}

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "says what it is, and announces itself", run: announces },
  { name: "answers ARP, once", run: answersArp },
  { name: "answers pings of all sizes, right to the byte", run: answersPings },
  { name: "answers 20,000 echoes of a flood", run: answersFlood },
  { name: "drops a bad checksum, and counts it", run: dropsBadChecksum },
  { name: "Ctrl-C leaves nothing", run: leavesNothing },
  { name: "the device goes: one line, status 1", run: deviceGoes },
];

async function announces(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { appliance, port } = station;
  const ready = await appliance.event("ready");
  assertEquals([ready.driver, ready.mac, ready.ip], [device.driver, HOST_MAC, `${HOST_IP}/24`]);
  const { mtu } = await appliance.event("device");
  assertEquals(mtu, 1500);
  // RFC 5227 §2.3: a request for our own address. A late listener hears the second one.
  const announcement = arpReplyFromHost({
    operation: 1,
    destination: "ff:ff:ff:ff:ff:ff",
    tha: "00:00:00:00:00:00",
    tpa: HOST_IP,
  });
  awaitFrame(port, announcement);
}

async function answersArp(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { port } = station;
  for (const destination of ["ff:ff:ff:ff:ff:ff", HOST_MAC]) {
    port.send(bytes(arpFrame({ source: MAC, spa: IP, destination })));
    const expected = arpReplyFromHost({ destination: MAC, tha: MAC, tpa: IP });
    awaitFrame(port, expected);
    assertEquals(framesForUs(port), [], "one answer, and no second");
  }
}

async function answersPings(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { port } = station;
  PAYLOADS.forEach((length, sequence) => {
    const payload = Uint8Array.from({ length }, (_, i) => 3 * i + length);
    port.send(bytes(echoFrame(ASKING, { payload, sequence })));
    awaitFrame(port, echoReplyFromHost(ANSWERED, { payload, sequence }));
    assertEquals(framesForUs(port), [], "one answer, and no second");
  });
}

async function answersFlood(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { appliance, port } = station;
  const flood = new EchoFlood(port);
  const { replies, wrong, milliseconds } = await told(appliance, () => flood.run(FLOOD_ECHOES));
  assertEquals([replies, wrong], [FLOOD_ECHOES, 0]);
  console.log(`${device.name}: ${Math.round(replies / milliseconds)} thousand echoes a second`);
  assertEquals((await appliance.stop()).status.code, 0);
  const { host } = countersOf(await appliance.event("stopped"));
  assertEquals(host.echoRequestsAnswered, FLOOD_ECHOES + 1);
}

/** Runs what may fail for a reason that only the appliance's counters tell: its error has them then. */
async function told<T>(appliance: Appliance, run: () => T): Promise<T> {
  try {
    return run();
  } catch (cause) {
    const { stderr } = await appliance.stop();
    const counters = JSON.stringify(await appliance.event("stopped"));
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}; ${stderr}${counters}`, { cause });
  }
}

async function dropsBadChecksum(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { appliance, port } = station;
  port.send(bytes(echoFrame(ASKING, { sequence: 1, checksum: 0x1234 })));
  port.send(bytes(echoFrame({ ...ASKING, checksum: 0x1234 }, { sequence: 2 })));
  port.send(bytes(echoFrame(ASKING, { sequence: 3 })));
  awaitFrame(port, echoReplyFromHost(ANSWERED, { sequence: 3 }));
  assertEquals(framesForUs(port), []);
  assertEquals((await appliance.stop()).status.code, 0);
  const { host } = countersOf(await appliance.event("stopped"));
  assertEquals([host.drops.icmp_bad_checksum, host.drops.ipv4_bad_checksum], [1, 1]);
  assertEquals(host.echoRequestsAnswered, 1);
}

async function leavesNothing(device: TestDevice): Promise<void> {
  await using station = await device.open();
  const { status, stderr } = await station.appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  assertEquals(await station.leftovers(), []);
}

async function deviceGoes(device: TestDevice): Promise<void> {
  await using station = await device.open();
  await station.breakDevice();
  const { status, stderr } = await station.appliance.ended();
  assertMatch(stderr, station.complaint);
  assertEquals(status.code, 1);
}

/** Waits for this frame; others for us in between are wrong. */
function awaitFrame(port: FramePort, expected: Uint8Array): void {
  for (;;) {
    const frame = port.next(SILENCE_MS);
    assert(frame !== null, "silence");
    if (equal(frame, expected)) return;
    assert(!isForUs(frame), `not the expected frame: ${[...frame]}`);
  }
}

/** Frames for us until it's quiet. */
function framesForUs(port: FramePort): number[][] {
  const frames: number[][] = [];
  for (let frame = port.next(QUIET_MS); frame !== null; frame = port.next(QUIET_MS)) {
    if (isForUs(frame)) frames.push([...frame]);
  }
  return frames;
}

function isForUs(frame: Uint8Array): boolean {
  return equal(frame.subarray(0, 6), Uint8Array.from(MAC.split(":"), (byte) => parseInt(byte, 16)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function bytes(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(frame);
}
