import { assert, assertEquals, assertThrows } from "@std/assert";
import { openPcap, PcapError } from "../../app/open_pcap.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes } from "../../netdev/netbuf_pool.ts";
import { isNanosecondPcap, parsePcap } from "./pcap_file.ts";

function frameOf(length: number): Netbuf {
  const options = { count: 1 };
  const pool = new NetbufPool(new PlainRegion(netbufPoolBytes(options)), 0, options);
  const netbuf = pool.alloc();
  assert(netbuf !== null);
  netbuf.length = length;
  return netbuf;
}

Deno.test("what was recorded is in the file when it's closed, with the time of day", async () => {
  const file = await Deno.makeTempFile({ dir: "/tmp", prefix: "ukdeno-pcap-" });
  const before = BigInt(Date.now()) * 1_000_000n;
  {
    using capture = openPcap(file, (reason) => assertEquals(reason, ""));
    assert(isNanosecondPcap(await Deno.readFile(file)), "the header is there at once");
    capture.recorder.received([frameOf(61)], 1);
    assertEquals(parsePcap(await Deno.readFile(file)), []);
  }
  const records = parsePcap(await Deno.readFile(file));
  await Deno.remove(file);
  assertEquals(records.map(({ bytes }) => bytes.length), [61]);
  assert(records[0].time >= before && records[0].time <= BigInt(Date.now() + 1) * 1_000_000n);
});

Deno.test("a file that can't be written is an error that names it and why", () => {
  const complain = (): void => {};
  for (
    const [path, why] of [
      ["/tmp", "open: Is a directory"],
      ["/tmp/ukdeno-none/x", "open: No such file or directory"],
      ["/dev/full", "write: No space left on device"],
    ]
  ) {
    assertThrows(() => openPcap(path, complain), PcapError, `can't write ${path}: ${why}`);
  }
});
