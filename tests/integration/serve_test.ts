import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ErrnoError } from "../../drivers/ffi/errno.ts";
import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { Appliance, countersOf, runMain, uniqueHub } from "./appliance.ts";
import { processLives } from "./proc.ts";

/** What the driver makes use of, of what QEMU's card offers. */
const NEGOTIATED: readonly string[] = [
  ...["MTU", "MAC", "MRG_RXBUF", "STATUS"],
  ...["CTRL_VQ", "CTRL_RX", "CTRL_VLAN", "CTRL_RX_EXTRA", "GUEST_ANNOUNCE", "CTRL_MAC_ADDR"],
  ...["INDIRECT_DESC", "EVENT_IDX", "VERSION_1", "RING_RESET"],
];

Deno.test("serve: ready, gateway answered, pinged over the hub, Ctrl-C leaves nothing", async () => {
  await using appliance = new Appliance();
  const ready = await appliance.event("ready");
  assertEquals(ready.driver, "virtio-net");
  assertEquals(ready.ip, "10.0.2.15/24");
  assertEquals(ready.mac, "02:75:0a:00:02:0f");
  const device = await appliance.event("device");
  assertEquals(device.features, NEGOTIATED);
  assertEquals(device.mtu, 1500);
  assertEquals((await appliance.event("gateway")).answered, true);

  const ping = await runMain(["ping", `--hub=${appliance.hub}`, "-c", "3", "-i", "0.05"]);
  assertEquals(ping.code, 0, ping.stderr);
  assertMatch(ping.stdout, /^PING 10\.0\.2\.15 \(10\.0\.2\.15\) 56\(84\) bytes of data\.$/m);
  const reply = /^64 bytes from 10\.0\.2\.15: icmp_seq=\d ttl=64 time=\d+\.\d{3} ms$/mg;
  assertEquals(ping.stdout.match(reply)?.length, 3, ping.stdout);
  assertMatch(ping.stdout, /^3 packets transmitted, 3 received, 0% packet loss, time \d+ms$/m);
  assertMatch(ping.stdout, /^rtt min\/avg\/max\/mdev = [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms$/m);
  assertEquals((await appliance.event("first-ping")).peer, "10.0.2.100");

  const { status, stderr } = await appliance.stop();
  assertEquals(status.code, 0);
  assertEquals(stderr, "");
  const stopped = await appliance.event("stopped");
  const { echoRequestsAnswered, drops } = countersOf(stopped).host;
  assertEquals(echoRequestsAnswered, 3);
  assertEquals(drops, {});
  assert(!processLives(device.pid as number), "QEMU is still there");
  assertThrows(() => connectAbstract(`${appliance.hub}.0`), ErrnoError, "Connection refused");
});

Deno.test("serve: SIGTERM ends it as Ctrl-C does", async () => {
  await using appliance = new Appliance();
  const device = await appliance.event("device");
  await appliance.event("ready");
  appliance.kill("SIGTERM");
  const { status, stderr } = await appliance.ended();
  assertEquals(status.code, 0);
  assertEquals(stderr, "");
  await appliance.event("stopped");
  assert(!processLives(device.pid as number), "QEMU is still there");
});

Deno.test("serve: the text log says what was found and how to ping it", async () => {
  const { code, stdout, stderr } = await runMain([
    "serve",
    `--hub=${uniqueHub()}`,
    "--ip=10.0.2.20/24",
    "--gateway=10.0.2.2",
    "--mac=52:54:00:12:34:56",
    "--mtu=1400",
  ], { when: { printed: /^gateway /m, act: (serve) => serve.kill("SIGINT") } });
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertMatch(stdout, /^net0 is virtio-net at pci 00:02\.0 of QEMU \(process \d+\)$/m);
  assertMatch(
    stdout,
    /^MAC 52:54:00:12:34:56, MTU 1400, link up, 1 RX queue of 256, 1 TX queue of 256$/m,
  );
  assertMatch(stdout, new RegExp(`^features ${NEGOTIATED.join(" ")}$`, "m"));
  assertMatch(stdout, /^ready: 10\.0\.2\.20\/24 answers ARP and ping; .*deno task ping/m);
  assertMatch(stdout, /^gateway 10\.0\.2\.2 answered our ping in \d+\.\d\d ms$/m);
  assertMatch(stdout, /^stopped after \d+\.\d s$/m);
});

Deno.test("serve: a gateway that is silent is told of, and does not hold up ready", async () => {
  await using appliance = new Appliance(["--ip=10.9.0.1/24", "--gateway=10.9.0.254"]);
  await appliance.event("ready");
  const gateway = await appliance.event("gateway");
  assertEquals(gateway.answered, false);
  const { status } = await appliance.stop();
  assertEquals(status.code, 0);
});
