import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectAbstract, connectPath, type UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { featureSet } from "../../drivers/virtio/features.ts";
import {
  encodeU64,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
} from "../../drivers/virtio/vhost_user/message.ts";
import { ScriptedPeer } from "../drivers/virtio/vhost_user/scripted_peer.ts";
import { Appliance, eventually, runMain, uniqueHub } from "./appliance.ts";
import { EchoFlood } from "./echo_flood.ts";
import { VhostUserPort } from "./vhost_user_port.ts";

const IP = "--ip=10.0.2.15/24";
const FEATURES = featureSet("VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MRG_RXBUF");

/** A back-end that has connected, and told what it's able to do; it says nothing more by itself. */
function offeringPeer(socket: UnixSocket): ScriptedPeer {
  const peer = new ScriptedPeer(socket);
  nextNamed(peer, "GET_FEATURES");
  peer.reply(VHOST_USER_GET_FEATURES, encodeU64(FEATURES | bit(VHOST_USER_F_PROTOCOL_FEATURES)));
  const protocol = encodeU64(bit(VHOST_USER_PROTOCOL_F_REPLY_ACK));
  nextNamed(peer, "GET_PROTOCOL_FEATURES");
  peer.reply(VHOST_USER_GET_PROTOCOL_FEATURES, protocol);
  return peer;
}

/** One without protocol features: nothing is acknowledged, so nothing more is waited for. */
function plainPeer(socket: UnixSocket): ScriptedPeer {
  const peer = new ScriptedPeer(socket);
  nextNamed(peer, "GET_FEATURES");
  peer.reply(VHOST_USER_GET_FEATURES, encodeU64(FEATURES));
  return peer;
}

function bit(number: number): bigint {
  return 1n << BigInt(number);
}

/** Takes requests until one of this name has come. */
function nextNamed(peer: ScriptedPeer, name: string): void {
  while (peer.next().name !== name);
}

/** The next back-end, which has its turn when the one before is lost. */
async function connect(find: () => UnixSocket): Promise<UnixSocket> {
  let socket: UnixSocket | null = null;
  await eventually("somebody listens", () => {
    try {
      socket = find();
      return true;
    } catch {
      return false;
    }
  });
  assert(socket !== null);
  return socket;
}

function reasons(appliance: Appliance): unknown[] {
  return appliance.lines.filter(({ event }) => event === "unusable").map(({ reason }) => reason);
}

for (const silent of [false, true]) {
  const does = silent ? "is silent" : "dies";
  Deno.test(`a first back-end that ${does} before it's started is followed by the next`, async () => {
    const name = uniqueHub();
    await using appliance = new Appliance([`--device=vhost-user:@${name},server=on`, IP]);
    await appliance.event("waiting");
    using first = offeringPeer(await connect(() => connectAbstract(name)));
    nextNamed(first, "SET_MEM_TABLE");
    if (!silent) first[Symbol.dispose]();
    const unusable = await appliance.event("unusable");
    const why = silent ? "does not answer SET_VRING_CALL" : "hung up";
    assertMatch(String(unusable.reason), new RegExp(`^vhost-user @${name} ${why}`));
    assertEquals((await appliance.event("device")).link, false);
    await appliance.event("ready");
    using port = new VhostUserPort(await connect(() => connectAbstract(name)), FEATURES);
    const { replies, wrong } = new EchoFlood(port).run(5_000);
    assertEquals([replies, wrong], [5_000, 0]);
    assertEquals(reasons(appliance).length, 1);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
  });
}

Deno.test("a back-end that is replaced while another device waits for its own is served", async () => {
  const [name, other] = [uniqueHub(), uniqueHub()];
  const devices = [name, other].map((name) => `--device=vhost-user:@${name},server=on`);
  await using appliance = new Appliance([...devices, IP, "--ip=10.0.3.15/24"]);
  await appliance.event("waiting", "net0");
  const first = offeringPeer(await connect(() => connectAbstract(name)));
  await appliance.event("waiting", "net1");
  first[Symbol.dispose]();
  const second = offeringPeer(await connect(() => connectAbstract(name)));
  nextNamed(second, "SET_PROTOCOL_FEATURES");
  using _lone = plainPeer(await connect(() => connectAbstract(other)));
  using port = new VhostUserPort(second.socket, FEATURES);
  const { replies, wrong } = new EchoFlood(port).run(5_000);
  assertEquals([replies, wrong], [5_000, 0]);
  assertEquals([...reasons(appliance)], []);
  assertEquals(appliance.lines.filter(({ event }) => event === "failed"), []);
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("info waits for the next back-end when one is of no use, and tells of it", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-vhost-user-" });
  const path = `${folder}/socket`;
  const end = runMain(["info", `--device=vhost-user:${path},server=on`]);
  (await connect(() => connectPath(path)))[Symbol.dispose]();
  using _peer = plainPeer(await connect(() => connectPath(path)));
  const { code, stdout, stderr } = await end;
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^ {2}link: +up$/m);
  const [waits, useless, ...rest] = stderr.trimEnd().split("\n");
  assertMatch(waits, / waits for a back-end at /);
  assertMatch(useless, /^ukdeno: vhost-user .* hung up/);
  assertEquals(rest, []);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});
