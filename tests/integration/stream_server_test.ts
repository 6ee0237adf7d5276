import { assertEquals, assertMatch } from "@std/assert";
import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { Appliance, eventually, runMain, uniqueHub } from "./appliance.ts";
import { TAP } from "./devices.ts";
import { EchoFlood } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";

const IP = "--ip=10.0.2.15/24";
const PEER_IP = "--ip=10.0.2.98/24";

Deno.test("a listening stream device serves one peer after another", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-stream-" });
  const uri = `stream:${folder}/socket`;
  await using appliance = new Appliance([`--device=${uri},server=on`, IP]);
  const ready = await appliance.event("ready");
  assertEquals([ready.driver, ready.hub], ["stream", null]);
  assertEquals((await appliance.event("device")).link, false);
  for (let peers = 1; peers <= 2; peers++) {
    const ping = ["ping", `--device=${uri}`, PEER_IP, "-c", "3", "-i", "0.2", "10.0.2.15"];
    const { code, stdout, stderr } = await runMain(ping);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, /^3 packets transmitted, 3 received, 0% packet loss/m);
    const links = (): unknown[] =>
      appliance.lines.filter(({ event }) => event === "link").map(({ up }) => up);
    await eventually("the peer has gone", () => links().length === 2 * peers);
    assertEquals(links().slice(-2), [true, false]);
  }
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  assertEquals([...Deno.readDirSync(folder)], [], "the socket is removed");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a listening stream device tells each peer who it is, and stands a flood", async () => {
  const name = uniqueHub();
  await using appliance = new Appliance([`--device=stream:@${name},server=on`, IP]);
  await appliance.event("ready");
  for (let peers = 1; peers <= 2; peers++) {
    using port = new StreamPort(connectAbstract(name));
    const announcement = port.next(10_000);
    assertEquals(announcement?.subarray(12, 14), Uint8Array.of(0x08, 0x06));
    const { replies, wrong } = new EchoFlood(port).run(5_000);
    assertEquals([replies, wrong], [5_000, 0]);
  }
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("QEMU connects to a listening stream device: a hub behind a hub", async () => {
  const name = uniqueHub();
  await using far = new Appliance([`--device=stream:@${name},server=on`, IP]);
  await far.event("ready");
  const netdev = `stream,server=off,addr.type=unix,addr.path=${name},addr.abstract=on`;
  await using near = new Appliance([`--netdev=${netdev}`, "--ip=10.0.2.16/24"]);
  await near.event("ready");
  const ping = ["ping", `--hub=${near.hub}`, "-c", "3", "-i", "0.2"];
  for (const address of ["10.0.2.15", "10.0.2.16"]) {
    const { code, stdout, stderr } = await runMain([...ping, address]);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, /^3 packets transmitted, 3 received, 0% packet loss/m);
  }
  await near.stop();
  await far.stop();
});

Deno.test("ping --device=qemu pings the gateway from a QEMU of its own", async () => {
  const { code, stdout, stderr } = await runMain(
    ["ping", "--device=qemu", "-c", "2", "-i", "0.2", "10.0.2.2"],
  );
  assertEquals([code, stderr], [0, ""], stdout);
  assertMatch(stdout, /^2 packets transmitted, 2 received, 0% packet loss/m);
});

tapTest("ping --device=tap pings Linux", async () => {
  using namespace = new NetworkNamespace();
  await namespace.ip("tuntap", "add", "dev", TAP, "mode", "tap");
  await namespace.ip("link", "set", TAP, "up");
  await namespace.ip("addr", "add", "10.0.2.2/24", "dev", TAP);
  const { code, stdout, stderr } = await runMain(
    ["ping", `--device=tap:${TAP}`, PEER_IP, "-c", "5", "-i", "0.2", "10.0.2.2"],
    { within: namespace.prefix },
  );
  assertEquals([code, stderr], [0, ""], stdout);
  assertMatch(stdout, /^5 packets transmitted, 5 received, 0% packet loss/m);
});
