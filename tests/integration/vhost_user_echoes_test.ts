import { assertEquals, assertGreater } from "@std/assert";
import { GeneratorProcess } from "../../bench/peers/generator_process.ts";
import { Appliance, countersOf } from "./appliance.ts";

const ECHOES = 10_000_000;

Deno.test("vhost-user: ten million echoes in a closed loop, and not one wrong", async () => {
  await using generator = new GeneratorProcess([
    ...[`--echoes=${ECHOES}`, "--check=all", "--warm-up=0"],
  ]);
  await generator.listening();
  await using appliance = new Appliance([
    ...[`--device=vhost-user:${generator.socket}`, "--ip=10.0.2.15/24"],
  ]);
  const { code, result } = await generator.result();
  const { sent, replies, checked, wrong, firstWrong, lost } = result;
  assertEquals({ sent, replies, checked, wrong, firstWrong, lost, code }, {
    sent: ECHOES,
    replies: ECHOES,
    checked: ECHOES,
    wrong: 0,
    firstWrong: "",
    lost: 0,
    code: 0,
  });
  console.log(
    `vhost-user: ${replies} echoes in ${result.seconds.toFixed(1)} s, ` +
      `${(result.echoesPerSecond / 1e6).toFixed(2)} million a second, every reply compared`,
  );
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  const { host } = countersOf(await appliance.event("stopped"));
  assertEquals([host.echoRequestsAnswered, host.drops], [ECHOES, {}]);
});

for (const ring of ["split", "packed"]) {
  for (const offer of ["mrg_rxbuf,packed", "mrg_rxbuf,packed,event_idx", "packed,in_order"]) {
    Deno.test(`vhost-user: a back-end that sleeps is kicked, ${ring} ring, ${offer}`, async () => {
      await using generator = new GeneratorProcess([
        ...[`--offer=${offer}`, "--wait=kick", "--window=16", "--echoes=20000", "--check=all"],
        "--warm-up=0",
      ]);
      await generator.listening();
      await using appliance = new Appliance([
        ...[`--device=vhost-user:${generator.socket}`, "--ip=10.0.2.15/24", `--ring=${ring}`],
      ]);
      const { code, result } = await generator.result();
      const { replies, wrong, lost, lostKicks } = result;
      assertEquals([code, replies, wrong, lost, lostKicks], [0, 20_000, 0, 0, 0]);
      assertEquals(result.ring, ring);
      assertGreater(result.kicks ?? 0, 0);
      const { status, stderr } = await appliance.stop();
      assertEquals([status.code, stderr], [0, ""]);
    });
  }
}

Deno.test("vhost-user: an appliance that listens has a back-end that connects", async () => {
  const socket = `/tmp/ukdeno-listens-${Deno.pid}`;
  await using generator = new GeneratorProcess(
    ["--connect=yes", "--echoes=50000", "--check=all", "--warm-up=0", "--queues=2"],
    { socket },
  );
  await using appliance = new Appliance([
    ...[`--device=vhost-user:${socket},server=on`, "--ip=10.0.2.15/24", "--queues=2"],
  ]);
  const { code, result } = await generator.result();
  const { replies, wrong, lost, queuePairs } = result;
  assertEquals([code, replies, wrong, lost, queuePairs], [0, 50_000, 0, 0, 2]);
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
});
