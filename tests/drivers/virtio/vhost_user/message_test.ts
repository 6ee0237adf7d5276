import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeHeader,
  decodeMemoryTable,
  decodeU64,
  decodeVringAddr,
  decodeVringState,
  encodeMemoryTable,
  encodeMessage,
  encodeU64,
  encodeVringAddr,
  encodeVringState,
  protocolFeatureNames,
  requestName,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_SET_MEM_TABLE,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { VirtioError } from "../../../../drivers/virtio/virtio_error.ts";

Deno.test("a message is a header of three words, little-endian, and its payload", () => {
  const bytes = encodeMessage(
    VHOST_USER_SET_MEM_TABLE,
    VHOST_USER_NEED_REPLY_MASK,
    Uint8Array.of(7, 8),
  );
  assertEquals([...bytes], [5, 0, 0, 0, 0x9, 0, 0, 0, 2, 0, 0, 0, 7, 8]);
  assertEquals(decodeHeader(bytes), { request: 5, flags: 9, size: 2 });
});

Deno.test("a message without payload ends behind its header", () => {
  assertEquals([...encodeMessage(3, 0)], [3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("a header has all its bytes or is none", () => {
  assertThrows(() => decodeHeader(new Uint8Array(11)), VirtioError, "a header of 11 bytes, not 12");
});

Deno.test("a u64 keeps all its bits", () => {
  const bytes = encodeU64(0x8000_0001_0000_0002n);
  assertEquals([...bytes], [2, 0, 0, 0, 1, 0, 0, 0x80]);
  assertEquals(decodeU64(bytes), 0x8000_0001_0000_0002n);
});

Deno.test("a vring's state is its index and a number", () => {
  const bytes = encodeVringState({ index: 3, num: 256 });
  assertEquals([...bytes], [3, 0, 0, 0, 0, 1, 0, 0]);
  assertEquals(decodeVringState(bytes), { index: 3, num: 256 });
});

Deno.test("of a vring's addresses the used ring's comes second", () => {
  const vring = {
    index: 1,
    flags: 0,
    descriptorArea: 0x10_0000_1000,
    driverArea: 0x10_0000_2000,
    deviceArea: 0x10_0000_3000,
  };
  const bytes = encodeVringAddr(vring);
  const words = new Uint32Array(bytes.buffer);
  assertEquals([...words], [1, 0, 0x1000, 0x10, 0x3000, 0x10, 0x2000, 0x10, 0, 0]);
  assertEquals(decodeVringAddr(bytes), vring);
});

Deno.test("a memory table tells of each region", () => {
  const regions = [
    { guestAddress: 0, size: 0x20_0000, userAddress: 0x1000_0000, mmapOffset: 0 },
    { guestAddress: 0x20_0000, size: 4096, userAddress: 0x7fff_1234_5000, mmapOffset: 8192 },
  ];
  const bytes = encodeMemoryTable(regions);
  assertEquals(bytes.length, 8 + 2 * 32);
  assertEquals(decodeMemoryTable(bytes), regions);
});

Deno.test("a memory table of nine regions, or shorter than it says, is refused", () => {
  const bytes = encodeMemoryTable([{
    guestAddress: 0,
    size: 4096,
    userAddress: 0,
    mmapOffset: 0,
  }]);
  assertThrows(
    () => decodeMemoryTable(bytes.subarray(0, 39)),
    VirtioError,
    "a payload of 39 bytes, not 40",
  );
  assertThrows(
    () => decodeMemoryTable(bytes.subarray(0, 7)),
    VirtioError,
    "a payload of 7 bytes, not 8",
  );
  bytes[0] = 9;
  assertThrows(() => decodeMemoryTable(bytes), VirtioError, "9 memory regions: 8 are the most");
});

Deno.test("a payload of a wrong length is refused", () => {
  for (const decode of [decodeU64, decodeVringState]) {
    assertThrows(
      () => decode(new Uint8Array(7)),
      VirtioError,
      "a payload of 7 bytes, not 8",
    );
  }
  assertThrows(
    () => decodeVringAddr(new Uint8Array(41)),
    VirtioError,
    "a payload of 41 bytes, not 40",
  );
});

Deno.test("requests and protocol features have the specification's names", () => {
  assertEquals(requestName(5), "SET_MEM_TABLE");
  assertEquals(requestName(99), "request 99");
  // What DPDK's net_vhost 22.11 offers.
  assertEquals(protocolFeatureNames(0x10cbfn), [
    "MQ",
    "LOG_SHMFD",
    "RARP",
    "REPLY_ACK",
    "MTU",
    "BACKEND_REQ",
    "CRYPTO_SESSION",
    "BACKEND_SEND_FD",
    "HOST_NOTIFIER",
    "STATUS",
  ]);
  assertEquals(protocolFeatureNames(1n << 50n), ["bit 50"]);
});
