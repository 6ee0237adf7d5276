import { assertEquals, assertGreater } from "@std/assert";
import { GeneratorProcess } from "../../../bench/peers/generator_process.ts";
import { dpdkTest, Testpmd } from "../../integration/dpdk_testpmd.ts";

const ECHOES = 100_000;
const MAC = "52:54:00:00:00:01";

/** What `net_virtio_user` is told, and what has come of that. */
interface Variant {
  readonly packed: boolean;
  readonly mergeable: boolean;
  readonly frameBytes: number;
}

/** Odd lengths, short and long frames, over the four kinds of rings. */
const VARIANTS: readonly Variant[] = [
  { packed: false, mergeable: true, frameBytes: 64 },
  { packed: false, mergeable: false, frameBytes: 61 },
  { packed: true, mergeable: true, frameBytes: 301 },
  { packed: true, mergeable: false, frameBytes: 64 },
];

for (const { packed, mergeable, frameBytes } of VARIANTS) {
  const rings = `${packed ? "packed" : "split"} rings, mergeable buffers ${
    mergeable ? "on" : "off"
  }`;
  dpdkTest(`DPDK's virtio_user echoes every request right: ${rings}`, async () => {
    await using generator = new GeneratorProcess([
      ...[`--echoes=${ECHOES}`, "--check=all", "--warm-up=0", `--size=${frameBytes}`],
    ]);
    await generator.listening();
    const flags = `queues=1,mac=${MAC},packed_vq=${Number(packed)},mrg_rxbuf=${Number(mergeable)}`;
    await using testpmd = await Testpmd.start({
      vdevs: [`net_virtio_user0,path=${generator.socket},${flags}`],
      forward: "icmpecho",
    });
    await testpmd.ask("start");
    const { code, result } = await generator.result();
    assertEquals(
      {
        ring: result.ring,
        mergeable: result.mergeable,
        mac: result.frontEndMac,
        sent: result.sent,
        replies: result.replies,
        checked: result.checked,
        wrong: [result.wrong, result.firstWrong],
        lost: result.lost,
        code,
      },
      {
        ring: packed ? "packed" : "split",
        mergeable,
        mac: MAC,
        sent: ECHOES,
        replies: ECHOES,
        checked: ECHOES,
        wrong: [0, ""],
        lost: 0,
        code: 0,
      },
    );
  });
}

dpdkTest("DPDK's virtio_user at bursts of exactly 8, over 256 addresses", async () => {
  await using generator = new GeneratorProcess([
    ...["--burst=8", "--echoes=8000", "--check=all", "--warm-up=0", "--addresses=256"],
  ]);
  await generator.listening();
  await using testpmd = await Testpmd.start({
    vdevs: [`net_virtio_user0,path=${generator.socket},queues=1,mac=${MAC}`],
    forward: "icmpecho",
  });
  await testpmd.ask("start");
  const { code, result } = await generator.result();
  assertEquals([code, result.bursts, result.replies, result.wrong], [0, 1000, 8000, 0]);
});

dpdkTest("DPDK's virtio_user at a fixed rate: each reply is timed", async () => {
  // Fewer than its ring of 256 takes: none is refused, however long the other side keeps silent.
  await using generator = new GeneratorProcess([
    ...["--rate=1000", "--echoes=250", "--check=all", "--warm-up=0"],
  ]);
  await generator.listening();
  await using testpmd = await Testpmd.start({
    vdevs: [`net_virtio_user0,path=${generator.socket},queues=1,mac=${MAC}`],
    forward: "icmpecho",
  });
  await testpmd.ask("start");
  const { code, result } = await generator.result();
  assertEquals([code, result.sent, result.latency?.count, result.wrong], [0, 250, 250, 0]);
});

for (const packed of [0, 1]) {
  const rings = packed === 0 ? "split" : "packed";
  dpdkTest(`DPDK's virtio_user kicks a back-end that sleeps: ${rings} rings`, async () => {
    await using generator = new GeneratorProcess([
      ...["--wait=kick", "--window=16", "--echoes=5000", "--check=all", "--warm-up=0"],
    ]);
    await generator.listening();
    await using testpmd = await Testpmd.start({
      vdevs: [`net_virtio_user0,path=${generator.socket},queues=1,mac=${MAC},packed_vq=${packed}`],
      forward: "icmpecho",
    });
    await testpmd.ask("start");
    const { code, result } = await generator.result();
    const { replies, wrong, lost, lostKicks } = result;
    assertEquals([code, replies, wrong, lost, lostKicks], [0, 5000, 0, 0, 0]);
    assertGreater(result.kicks ?? 0, 0);
  });
}
