import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import {
  echoIdentifier,
  echoSequence,
  icmpType,
  isIcmpChecksumRight,
  turnEchoIntoReply,
  writeEchoRequest,
} from "../../stack/icmp_echo.ts";
import { icmpMessage } from "./frames.ts";

Deno.test("the fields of an echo message are read where they stand", () => {
  const region = new PlainRegion(16);
  region.u8.set(icmpMessage({ type: 8, identifier: 0xfedc, sequence: 0x1234 }), 4);
  assertEquals(icmpType(region, 4), 8);
  assertEquals(echoIdentifier(region, 4), 0xfedc);
  assertEquals(echoSequence(region, 4), 0x1234);
});

Deno.test("isIcmpChecksumRight() notices every single changed bit", () => {
  const region = new PlainRegion(32);
  const message = icmpMessage({ payload: [1, 2, 3, 4, 5] });
  region.u8.set(message);
  assertEquals(isIcmpChecksumRight(region, 0, message.length), true);
  for (let bit = 0; bit < message.length * 8; bit++) {
    region.u8[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(isIcmpChecksumRight(region, 0, message.length), false, `bit ${bit}`);
    region.u8[bit >> 3] ^= 1 << (bit & 7);
  }
});

Deno.test("turnEchoIntoReply() clears type and code and mends the checksum", () => {
  for (const code of [0, 5, 255]) {
    const region = new PlainRegion(16);
    const fields = { identifier: 0xfedc, sequence: 0x1234, payload: [1, 2, 3] };
    region.u8.set(icmpMessage({ type: 8, code, ...fields }));
    turnEchoIntoReply(region, 0);
    assertEquals(region.u8.slice(0, 11), icmpMessage({ type: 0, ...fields }));
  }
});

Deno.test("writeEchoRequest() writes a message with a right checksum and a counting payload", () => {
  for (const length of [0, 1, 2, 3, 56, 257, 1472]) {
    const region = new PlainRegion(1500);
    region.u8.fill(0xee);
    writeEchoRequest(region, 4, 0xfedc, 0x1234, length);
    const payload = Uint8Array.from({ length }, (_, i) => i);
    const expected = icmpMessage({ identifier: 0xfedc, sequence: 0x1234, payload });
    assertEquals(region.u8.slice(4, 12 + length), expected);
    assertEquals(region.u8[12 + length], 0xee);
  }
});
