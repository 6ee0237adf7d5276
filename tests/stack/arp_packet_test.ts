import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import {
  ARP_BYTES,
  isEthernetIpv4,
  operation,
  senderAddress,
  senderHead,
  senderTail,
  targetAddress,
  writeArpPacket,
} from "../../stack/arp_packet.ts";
import { macHead, macTail } from "../../stack/mac_address.ts";
import { arpFrame, HOST_IP, HOST_MAC, ip, mac, PEER_IP, PEER_MAC } from "./frames.ts";

const HOST = mac(HOST_MAC);
const PEER = mac(PEER_MAC);

Deno.test("the fields of a packet are read where they stand", () => {
  const region = new PlainRegion(32);
  region.u8.set(arpFrame({ operation: 0x1234, spa: "192.0.2.1", tpa: "198.51.100.2" }).slice(14));
  assertEquals(isEthernetIpv4(region, 0), true);
  assertEquals(operation(region, 0), 0x1234);
  assertEquals(senderHead(region, 0), macHead(PEER));
  assertEquals(senderTail(region, 0), macTail(PEER));
  assertEquals(senderAddress(region, 0), ip("192.0.2.1"));
  assertEquals(targetAddress(region, 0), ip("198.51.100.2"));
});

Deno.test("isEthernetIpv4() wants every one of types and lengths", () => {
  const region = new PlainRegion(32);
  const packet = arpFrame().slice(14);
  for (let i = 0; i < 6; i++) {
    region.u8.set(packet);
    region.u8[i] ^= 1;
    assertEquals(isEthernetIpv4(region, 0), false, `byte ${i}`);
  }
});

Deno.test("writeArpPacket() writes 28 bytes, each of them", () => {
  const region = new PlainRegion(36);
  region.u8.fill(0xee);
  const host = ip(HOST_IP);
  const peer = ip(PEER_IP);
  const [head, tail] = [macHead(HOST), macTail(HOST)];
  writeArpPacket(region, 4, 2, head, tail, host, macHead(PEER), macTail(PEER), peer);
  const fields = { source: HOST_MAC, spa: HOST_IP, tha: PEER_MAC, tpa: PEER_IP, operation: 2 };
  assertEquals(region.u8.slice(4, 4 + ARP_BYTES), arpFrame(fields).slice(14));
  assertEquals(Array.from(region.u8.slice(0, 4)), [0xee, 0xee, 0xee, 0xee]);
  assertEquals(Array.from(region.u8.slice(32)), [0xee, 0xee, 0xee, 0xee]);
});
