import { assert, assertEquals, assertMatch } from "@std/assert";
import { NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { Appliance, runMain } from "./appliance.ts";
import { Capture, folderWithDumpingQemu } from "./capture.ts";
import { pingSummary } from "./ping_summary.ts";

/** Pings an address over a hub with one frame of 9,014 bytes. */
async function pingOver(hub: string, address: string): Promise<void> {
  const flags = [`--hub=${hub}`, "--mtu=9000", "-s", "8972", "-c", "1"];
  const { code, stdout, stderr } = await runMain(["ping", ...flags, address]);
  assertEquals([code, stderr], [0, ""], stdout);
  assertMatch(stdout, /^1 packets transmitted, 1 received, 0% packet loss/m);
}

async function stopCleanly(appliance: Appliance): Promise<void> {
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
}

Deno.test("--netdev=dgram: two appliances on UNIX datagram sockets are on one network", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-dgram-" });
  const dgram = (local: string, remote: string): string =>
    `--netdev=dgram,local.type=unix,local.path=${folder}/${local},` +
    `remote.type=unix,remote.path=${folder}/${remote}`;
  {
    await using left = new Appliance([APPLIANCE, "--mtu=9000", dgram("left", "right")]);
    await using right = new Appliance([
      "--mtu=9000",
      "--ip=10.0.2.16/24",
      dgram("right", "left"),
    ]);
    for (const each of [left, right]) await each.event("ready");
    await pingOver(left.hub, "10.0.2.16");
    await pingOver(right.hub, "10.0.2.15");
    for (const each of [left, right]) await stopCleanly(each);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--netdev=stream: an appliance that joins another's hub is on its network", async () => {
  await using first = new Appliance(["--mtu=9000"]);
  await first.event("ready");
  const backend = `stream,server=off,addr.type=unix,addr.path=${first.hub}.0,addr.abstract=on`;
  await using second = new Appliance([
    "--mtu=9000",
    "--ip=10.0.2.16/24",
    "--gateway=10.0.2.15",
    `--netdev=${backend}`,
  ]);
  assertEquals((await second.event("gateway")).answered, true, "the one pings the other");
  await pingOver(first.hub, "10.0.2.16");
  await pingOver(second.hub, "10.0.2.15");
  for (const each of [second, first]) await stopCleanly(each);
});

Deno.test("--netdev=hubport: a network with nobody but those who join the hub", async () => {
  await using appliance = new Appliance([APPLIANCE, "--mtu=9000", "--netdev=hubport,hubid=1"]);
  await appliance.event("ready");
  await pingOver(appliance.hub, "10.0.2.15");
  await stopCleanly(appliance);
});

/** Only on the user network is there a default. */
const APPLIANCE = "--ip=10.0.2.15/24";

const TAP = "--netdev=tap,ifname=jumbo0,script=no,downscript=no";

/** A network of its own in which Linux is 10.0.2.1 on a TAP interface. */
async function networkWithTap(): Promise<NetworkNamespace> {
  const network = new NetworkNamespace();
  await network.ip("tuntap", "add", "dev", "jumbo0", "mode", "tap");
  await network.ip("address", "add", "10.0.2.1/24", "dev", "jumbo0");
  await network.ip("link", "set", "jumbo0", "mtu", "9000", "up");
  return network;
}

tapTest("--netdev=tap: frames that come while QEMU starts do it no harm", async () => {
  using network = await networkWithTap();
  const appliance = ["10.0.2.15", "lladdr", "02:75:0a:00:02:0f", "dev", "jumbo0"];
  await network.ip("neighbour", "add", ...appliance, "nud", "permanent");
  // 10,000 a second, from before the start until after it.
  const ping = ["ping", "-f", "-q", "-i", "0.0001", "-w", "60", "10.0.2.15"];
  await using flood = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...network.prefix, ...ping],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  await using started = new Appliance([APPLIANCE, TAP], { within: network.prefix });
  await started.event("first-ping");
  flood.kill("SIGINT");
  const { stdout } = await flood.output();
  const summary = pingSummary(new TextDecoder().decode(stdout));
  assert(summary.sent > summary.received, "it began before the appliance did");
  await network.must("ping", "-c", "1", "-W", "20", "10.0.2.15");
  await stopCleanly(started);
});

tapTest("--netdev=tap: Linux pings frames of all sizes, and its frames are right", async () => {
  using network = await networkWithTap();
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-tap-" });
  const path = await folderWithDumpingQemu(folder);
  {
    const { prefix } = network;
    await using appliance = new Appliance([APPLIANCE, "--mtu=9000", TAP], { path, within: prefix });
    await appliance.event("ready");
    for (const size of ["0", "1", "56", "1472", "1473", "8000", "8972"]) {
      // All at once (-l), as ping waits for the last reply no longer than the interval between two.
      const flags = ["-c", "10", "-l", "10", "-i", "5", "-M", "do", "-s", size];
      const { stdout } = await network.exec("ping", ...flags, "10.0.2.15");
      assertEquals(pingSummary(stdout), { sent: 10, received: 10, trouble: [] }, stdout);
    }
    await stopCleanly(appliance);
  }
  const capture = await Capture.read(`${folder}/wire.pcap`);
  await Deno.remove(folder, { recursive: true });
  const icmp = capture.where((frame) => frame.icmpType !== "");
  assertEquals(icmp.length, 2 * 7 * 10);
  // 1 means good (tshark -G fields: ip.checksum.status).
  const wrong = icmp.filter(({ ipChecksum, icmpChecksum }) => ipChecksum + icmpChecksum !== "11");
  assertEquals(wrong, []);
  assertEquals(capture.where((frame) => frame.malformed !== ""), []);
});
