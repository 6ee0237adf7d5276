import { assert, assertEquals, assertLess } from "@std/assert";
import {
  connectAbstract,
  listenAbstract,
  type UnixListener,
  type UnixSocket,
} from "../../drivers/ffi/unix_socket.ts";
import { featureSet } from "../../drivers/virtio/features.ts";
import {
  encodeMessage,
  encodeU64,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
} from "../../drivers/virtio/vhost_user/message.ts";
import { ScriptedPeer } from "../drivers/virtio/vhost_user/scripted_peer.ts";
import { Appliance, countersOf, eventually, runMain, uniqueHub } from "./appliance.ts";
import { EchoFlood } from "./echo_flood.ts";
import { residentBytes } from "./proc.ts";
import { VhostUserPort } from "./vhost_user_port.ts";

const IP = "--ip=10.0.2.15/24";
const SPLIT = featureSet(
  "VIRTIO_F_VERSION_1",
  "VIRTIO_NET_F_MRG_RXBUF",
  "VIRTIO_F_INDIRECT_DESC",
  "VIRTIO_F_EVENT_IDX",
);
const ALL = SPLIT | featureSet("VIRTIO_F_RING_PACKED", "VIRTIO_F_IN_ORDER");

/** The next front-end that connects. */
async function accept(listener: UnixListener): Promise<UnixSocket> {
  let socket: UnixSocket | null = null;
  await eventually("a front-end connects", () => (socket = listener.accept()) !== null);
  assert(socket !== null);
  return socket;
}

/** One that connects as soon as somebody listens. */
async function connect(name: string): Promise<UnixSocket> {
  let socket: UnixSocket | null = null;
  await eventually("somebody listens", () => {
    try {
      socket = connectAbstract(name);
      return true;
    } catch {
      return false;
    }
  });
  assert(socket !== null);
  return socket;
}

for (const ring of ["split", "packed"]) {
  Deno.test(`a back-end of vhost-user floods an appliance with ${ring} rings`, async () => {
    const name = uniqueHub();
    using listener = listenAbstract(name, 1);
    await using appliance = new Appliance([`--device=vhost-user:@${name}`, IP, `--ring=${ring}`]);
    using port = new VhostUserPort(await accept(listener), ALL);
    await appliance.event("ready");
    const { replies, wrong } = new EchoFlood(port).run(20_000);
    assertEquals([replies, wrong], [20_000, 0]);
    const device = await appliance.event("device");
    const features = device.features as readonly string[];
    assertEquals(features.includes("RING_PACKED"), ring === "packed");
    assertEquals([device.link, device.rx, device.tx], [true, 1024, 1024]);
    const ended = appliance.stop();
    // It lets go of the rings before it goes.
    assertEquals(await nextEnd(port), true);
    assertEquals((await ended).status.code, 0);
  });
}

/** Serves a port until its front-end has gone. */
async function nextEnd(port: VhostUserPort): Promise<boolean> {
  await eventually("the front-end has gone", () => {
    port.next(1);
    return port.closed;
  });
  return port.closed;
}

/** Descriptors that a process has open. */
async function openDescriptors(pid: number): Promise<number> {
  const { code, stdout } = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "ls", `/proc/${pid}/fd`],
  }).output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).trimEnd().split("\n").length;
}

/** What a process has, which is not to grow. */
interface Holdings {
  readonly memory: number;
  readonly descriptors: number;
}

async function holdings(pid: number): Promise<Holdings> {
  return { memory: residentBytes(pid), descriptors: await openDescriptors(pid) };
}

const MIB = 1024 * 1024;

/**
 * Has `meet` give so many back-ends one after the other, each of which floods the appliance and is gone
 * in the middle of that. How long each waited for its first reply is printed.
 */
async function restart(
  what: string,
  appliance: Appliance,
  times: number,
  meet: () => Promise<UnixSocket>,
): Promise<void> {
  const waits: number[] = [];
  let replies = 0;
  let warm: Holdings | null = null;
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    using port = new VhostUserPort(await meet(), i % 2 === 0 ? SPLIT | MORE : SPLIT);
    const flood = new EchoFlood(port);
    waits.push(performance.now() - began);
    const result = flood.run(3_000);
    assertEquals(result.wrong, 0);
    replies += result.replies;
    if (i === WARM_UP) warm = await holdings(appliance.pid);
    // And with some on their way it's gone.
    flood.abandon(200);
  }
  await appliance.nthEvent(times, "link");
  const end = await holdings(appliance.pid);
  assert(warm !== null);
  waits.shift();
  const sorted = waits.toSorted((a, b) => a - b);
  console.log(
    `${what}: ${times - 1} restarts under a flood, first echo after ` +
      `${sorted[sorted.length >> 1].toFixed(0)} ms (median), ${
        sorted.at(-1)?.toFixed(0)
      } ms (longest); ` +
      `${replies} replies; memory ${(warm.memory / MIB).toFixed(1)} MiB, ` +
      `then ${(end.memory / MIB).toFixed(1)} MiB`,
  );
  assertEquals(end.descriptors <= warm.descriptors, true, `${end.descriptors} descriptors`);
  assertLess(end.memory - warm.memory, 32 * MIB);
}

/** Restarts before which memory may grow: code is compiled, pages are touched. */
const WARM_UP = 5;

/** What a restarted back-end may offer besides, or not. */
const MORE = featureSet("VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_GUEST_TSO4");

Deno.test("a back-end that is restarted twenty times under load is served each time", async () => {
  const name = uniqueHub();
  const listeners: UnixListener[] = [listenAbstract(name, 1)];
  await using appliance = new Appliance([`--device=vhost-user:@${name}`, IP]);
  await restart("a back-end that listens", appliance, 21, async () => {
    // Nobody listens while it's away.
    using listener = listeners.pop() ?? listenAbstract(name, 1);
    return await accept(listener);
  });
  await eventually("the link is down", () => links(appliance).at(-1) === false);
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  const stopped = await appliance.event("stopped");
  const { interface: { resets }, host } = countersOf(stopped);
  assertEquals(resets, 20);
  // At each connection it says who it is, some of them twice.
  assert(host.arpAnnouncementsSent >= 21, `${host.arpAnnouncementsSent} announcements`);
});

Deno.test("back-ends that connect to us come and go, and the next one waits its turn", async () => {
  const name = uniqueHub();
  await using appliance = new Appliance([`--device=vhost-user:@${name},server=on`, IP]);
  await appliance.event("waiting");
  await restart("a back-end that connects", appliance, 11, () => connect(name));
  assertEquals((await appliance.stop()).status.code, 0);
});

/** What was told of the link. */
function links(appliance: Appliance): unknown[] {
  return appliance.lines.filter(({ event }) => event === "link").map(({ up }) => up);
}

Deno.test("one that comes back with less isn't served, and told of once; the next one is", async () => {
  const name = uniqueHub();
  using listener = listenAbstract(name, 1);
  await using appliance = new Appliance([`--device=vhost-user:@${name}`, IP]);
  {
    using port = new VhostUserPort(await accept(listener), SPLIT);
    await appliance.event("ready");
    assertEquals(new EchoFlood(port).run(100).wrong, 0);
  }
  const less = SPLIT & ~featureSet("VIRTIO_NET_F_MRG_RXBUF");
  for (let i = 0; i < 3; i++) {
    const socket = await accept(listener);
    try {
      using _port = new VhostUserPort(socket, less);
    } catch (error) {
      assert(error instanceof Error && /hung up/.test(error.message), String(error));
    }
  }
  using port = new VhostUserPort(await accept(listener), SPLIT);
  assertEquals(new EchoFlood(port).run(100).wrong, 0);
  const told = appliance.lines.filter(({ event }) => event === "unusable");
  assertEquals(
    told.map(({ reason }) => reason),
    [`vhost-user @${name} lacks MRG_RXBUF, which was agreed on`],
  );
  assertEquals((await appliance.stop()).status.code, 0);
});

/** Whether the front-end has hung up on who has read nothing of late. */
function hasHungUp(socket: UnixSocket): boolean {
  const bytes = new Uint8Array(4096);
  for (;;) {
    const n = socket.receive(bytes, []);
    if (n <= 0) return n === 0;
  }
}

Deno.test("while one back-end is silent, another is served", async () => {
  const [silent, served] = [uniqueHub(), uniqueHub()];
  using silentListener = listenAbstract(silent, 1);
  using servedListener = listenAbstract(served, 1);
  const devices = [silent, served].map((name) => `--device=vhost-user:@${name}`);
  await using appliance = new Appliance([...devices, "--ip=10.0.3.15/24", IP]);
  {
    // Without protocol features it's asked for nothing else, and acknowledges nothing.
    using first = new ScriptedPeer(await accept(silentListener));
    first.reply(VHOST_USER_GET_FEATURES, encodeU64(SPLIT));
    using _port = new VhostUserPort(await accept(servedListener), SPLIT);
    await appliance.event("ready", "net1");
  }
  using port = new VhostUserPort(await accept(servedListener), SPLIT);
  using second = new ScriptedPeer(await accept(silentListener));
  assertEquals([second.next().name, second.next().name], ["SET_OWNER", "GET_FEATURES"]);
  const offer = SPLIT | 1n << BigInt(VHOST_USER_F_PROTOCOL_FEATURES);
  second.reply(VHOST_USER_GET_FEATURES, encodeU64(offer));
  assertEquals(second.next().name, "GET_PROTOCOL_FEATURES");
  const protocol = 1n << BigInt(VHOST_USER_PROTOCOL_F_REPLY_ACK);
  second.reply(VHOST_USER_GET_PROTOCOL_FEATURES, encodeU64(protocol));
  assertEquals(second.next().name, "SET_PROTOCOL_FEATURES");
  const flood = new EchoFlood(port);
  let replies = 0;
  while (!hasHungUp(second.socket)) replies += flood.run(1_000).replies;
  // Five seconds: to stand still for all of them would leave the first thousand, and one more.
  assert(replies >= 3_000, `${replies} replies`);
});

Deno.test("nobody there, nonsense and silence end the first start with one line", async () => {
  const name = uniqueHub();
  const device = `--device=vhost-user:@${name}`;
  const nobody = await runMain([device, IP]);
  assertEquals(
    [nobody.code, nobody.stdout, nobody.stderr],
    [
      1,
      "",
      `ukdeno: nobody listens on socket @${name}: start the peer first, or listen there with ,server=on\n`,
    ],
  );
  using listener = listenAbstract(name, 1);
  for (const nonsense of [true, false]) {
    const run = runMain([device, IP]);
    using socket = await accept(listener);
    if (nonsense) socket.send(encodeMessage(1, 0, encodeU64(0n)));
    const { code, stdout, stderr } = await run;
    const why = nonsense
      ? "answered GET_FEATURES with flags 0x1, not 0x5"
      : "does not answer GET_FEATURES";
    assertEquals([code, stdout, stderr], [1, "", `ukdeno: vhost-user @${name} ${why}\n`]);
  }
});

Deno.test("one that waits for a back-end ends by its duration or by Ctrl-C, and leaves no file", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-vhost-user-" });
  const device = `--device=vhost-user:${folder}/socket,server=on`;
  const { code, stdout, stderr } = await runMain([device, IP, "--duration=0.2"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, `net0 waits for a back-end at vhost-user ${folder}/socket\n`);
  await using appliance = new Appliance([device, IP]);
  await appliance.event("waiting");
  const ended = await appliance.stop();
  assertEquals([ended.status.code, ended.stderr], [0, ""]);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});
