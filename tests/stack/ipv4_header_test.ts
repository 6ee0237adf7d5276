import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import {
  headerLength,
  headerSum,
  ipv4Address,
  isFragment,
  protocol,
  timeToLive,
  totalLength,
  typeOfService,
  version,
  writeIpv4Header,
} from "../../stack/ipv4_header.ts";
import { onesComplementSum } from "../../stack/checksum.ts";
import { formatIpv4 } from "../../stack/ipv4_address.ts";
import { internetChecksum, ip, ipv4Frame } from "./frames.ts";
import { SeededRandom } from "./seeded_random.ts";

Deno.test("the fields of a header are read where they stand", () => {
  const fields = {
    headerWords: 7,
    tos: 0xb9,
    totalLength: 0xfedc,
    ttl: 61,
    protocol: 200,
    from: "192.0.2.1",
    to: "10.0.2.15",
  };
  const region = new PlainRegion(24);
  region.u8.set(ipv4Frame(fields, new Uint8Array()).slice(14), 4);
  const [word0, , word2, word3, word4] = region.u32.subarray(1);
  assertEquals(version(word0), 4);
  assertEquals(headerLength(word0), 28);
  assertEquals(typeOfService(word0), 0xb9);
  assertEquals(totalLength(word0), 0xfedc);
  assertEquals(timeToLive(word2), 61);
  assertEquals(protocol(word2), 200);
  assertEquals(ipv4Address(word3), ip("192.0.2.1"));
  assertEquals(ipv4Address(word4), ip("10.0.2.15"));
});

Deno.test("a fragment has MF or an offset; DF and the reserved bit make none", () => {
  const region = new PlainRegion(20);
  const cases = [[0, false], [0x4000, false], [0x8000, false], [0x2000, true], [0x0001, true]];
  for (const [fragment, expected] of [...cases, [0x1fff, true], [0x6000, true]]) {
    region.u8.set(ipv4Frame({ fragment: Number(fragment) }, new Uint8Array()).slice(14));
    assertEquals(isFragment(region.u32[1]), expected, `${fragment}`);
  }
});

Deno.test("headerSum() is the sum over the 20 bytes, carries at their most included", () => {
  const random = new SeededRandom(5);
  const region = new PlainRegion(20);
  region.u32.fill(0xffff_ffff);
  for (let i = 0; i < 2000; i++) {
    const [word0, word1, word2, word3, word4] = region.u32;
    const expected = onesComplementSum(region, 0, 20);
    assertEquals(headerSum(word0, word1, word2, word3, word4), expected);
    region.u32.forEach((_, at, words) => words[at] = random.int32());
  }
});

Deno.test("writeIpv4Header() writes 20 bytes with a right checksum, whatever the values", () => {
  const random = new SeededRandom(3);
  const region = new PlainRegion(28);
  for (let i = 0; i < 2000; i++) {
    region.u8.fill(0xee);
    const tos = random.below(256);
    const total = random.below(0x10000);
    const [source, destination] = [random.int32(), random.int32()];
    writeIpv4Header(region, 4, tos, total, 1, source, destination);
    const header = region.u8.slice(4, 24);
    const expected = ipv4Frame({
      tos,
      totalLength: total,
      id: 0,
      fragment: 0x4000,
      ttl: 64,
      from: formatIpv4(source),
      to: formatIpv4(destination),
    }, new Uint8Array()).slice(14);
    assertEquals(header, expected);
    assertEquals(internetChecksum(header), 0);
    assertEquals([region.u8[3], region.u8[24]], [0xee, 0xee]);
  }
});
