import { assertEquals } from "@std/assert";
import { GeneratorProcess } from "../../bench/peers/generator_process.ts";
import { Appliance, countersOf } from "./appliance.ts";

const SOCKET = `/tmp/ukdeno-killed-${Deno.pid}`;
const FLAGS = ["--check=all", "--warm-up=0"];
const LIVES = 8;
const LAST_ECHOES = 50_000;

/**
 * Milliseconds of a life of a back-end, from when it listens: from before the front-end has found it,
 * over the handshake, to the middle of the traffic.
 */
function lifeMs(life: number): number {
  return 40 * life + 7 * (life % 3);
}

for (const ring of ["split", "packed"]) {
  Deno.test(`vhost-user: a back-end killed at any moment is followed by the next, ${ring} ring`, async () => {
    const first = new GeneratorProcess([...FLAGS, "--seconds=60"], { socket: SOCKET });
    await first.listening();
    await using appliance = new Appliance([
      ...[`--device=vhost-user:${SOCKET}`, "--ip=10.0.2.15/24", `--ring=${ring}`],
    ]);
    await appliance.event("ready");
    await first.running();
    await first[Symbol.asyncDispose]();
    for (let life = 0; life < LIVES; life++) {
      await using killed = new GeneratorProcess([...FLAGS, "--seconds=60"], { socket: SOCKET });
      await killed.listening();
      await new Promise((resolve) => setTimeout(resolve, lifeMs(life)));
    }
    await using last = new GeneratorProcess([...FLAGS, `--echoes=${LAST_ECHOES}`], {
      socket: SOCKET,
    });
    const { code, result } = await last.result();
    assertEquals([code, result.replies, result.wrong, result.lost], [0, LAST_ECHOES, 0, 0]);
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const { host, netdev } = countersOf(await appliance.event("stopped"));
    const dropped = [...Object.entries(host.drops), ...Object.entries(netdev.drops)];
    assertEquals(dropped.filter(([, count]) => count !== 0), []);
  });
}
