import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../netdev/netbuf.ts";
import {
  destinationHead,
  destinationTail,
  ethernetWord1,
  ethernetWord2,
  etherType,
  finishFrame,
  setDestination,
  sourceHead,
  sourceTail,
  writeEthernetHeader,
} from "../../stack/ethernet.ts";
import { macHead, macTail } from "../../stack/mac_address.ts";
import { ethernetFrame, HOST_MAC, mac, PEER_MAC } from "./frames.ts";
import { fillNetbuf, makePool, netbufBytes, STALE_BYTE } from "./host_fixture.ts";

const HOST = mac(HOST_MAC);
const PEER = mac(PEER_MAC);

function makeNetbuf(frame: Uint8Array): Netbuf {
  const netbuf = makePool(1).alloc();
  if (netbuf === null) throw new Error("the pool is dry");
  fillNetbuf(netbuf, frame);
  return netbuf;
}

Deno.test("the fields of a header are read where they stand", () => {
  const { region, data } = makeNetbuf(ethernetFrame({ type: 0x86dd }, new Uint8Array(46)));
  assertEquals(destinationHead(region, data), macHead(HOST));
  assertEquals(destinationTail(region, data), macTail(HOST));
  const word1 = ethernetWord1(region, data);
  const word2 = ethernetWord2(region, data);
  assertEquals(sourceHead(word1), macHead(PEER));
  assertEquals(sourceTail(word1, word2), macTail(PEER));
  assertEquals(etherType(word2), 0x86dd);
});

Deno.test("a header is written whole, and its destination alone", () => {
  const netbuf = makeNetbuf(new Uint8Array());
  const { region, data } = netbuf;
  writeEthernetHeader(region, data, 0, 0, macHead(HOST), macTail(HOST), 0x0806);
  setDestination(region, data, macHead(PEER), macTail(PEER));
  netbuf.length = 16;
  const stale = Uint8Array.of(STALE_BYTE, STALE_BYTE);
  const expected = ethernetFrame({ destination: PEER_MAC, source: HOST_MAC, type: 0x0806 }, stale);
  assertEquals(netbufBytes(netbuf), expected);
});

Deno.test("finishFrame() pads with zeros to 60 bytes and touches nothing behind", () => {
  for (const length of [0, 42, 59, 60, 61, 1514]) {
    const netbuf = makeNetbuf(new Uint8Array());
    finishFrame(netbuf, length);
    assertEquals(netbuf.length, Math.max(length, 60));
    const bytes = netbufBytes(netbuf);
    assertEquals(bytes.subarray(0, length).every((byte) => byte === STALE_BYTE), true);
    assertEquals(bytes.subarray(length).every((byte) => byte === 0), true);
    assertEquals(netbuf.region.u8[netbuf.data + netbuf.length], STALE_BYTE);
  }
});
